import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { lanesOf, workersOf } from '../support/processes.ts'
import type { Fault } from './fault.ts'
import { alone } from './world.ts'

const run = promisify(execFile)

export const processFaults: readonly Fault[] = [
  {
    part: 'processes',
    name: 'a worker is killed',
    needs: alone,
    breaks: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGKILL'),
    short: true,
  },
  {
    part: 'processes',
    name: 'a worker is stopped and goes on',
    needs: alone,
    breaks: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGSTOP'),
    mends: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGCONT'),
  },
  {
    part: 'processes',
    name: 'the hash lane is killed',
    needs: alone,
    breaks: ({ gateways: [{ pid }] }) => kill(lanesOf(pid)[0], 'SIGKILL'),
    short: true,
  },
  {
    part: 'processes',
    name: 'the hash lane is stopped and goes on',
    needs: alone,
    breaks: ({ gateways: [{ pid }] }) => kill(lanesOf(pid)[0], 'SIGSTOP'),
    mends: ({ gateways: [{ pid }] }) => kill(lanesOf(pid)[0], 'SIGCONT'),
  },
  {
    part: 'processes',
    name: 'a worker has no descriptor left',
    needs: { settings: { workers: 1 } },
    breaks: ({ gateways: [{ pid }] }) => limitDescriptors(workersOf(pid)[0], 10),
    mends: ({ gateways: [{ pid }] }) => limitDescriptors(workersOf(pid)[0], 1024),
  },
]

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) throw new Error('there is no such process')
  process.kill(pid, signal)
}

async function limitDescriptors(pid: number | undefined, count: number): Promise<void> {
  await run('prlimit', ['--pid', String(pid), `--nofile=${count}:`])
}
