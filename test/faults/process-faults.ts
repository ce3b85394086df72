import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { lanesOf, workersOf } from '../support/processes.ts'
import type { Fault } from './fault.ts'
import type { Needs } from './world.ts'

const twoWorkers: Needs = { settings: { workers: 2 } }
const run = promisify(execFile)

export const processFaults: readonly Fault[] = [
  {
    part: 'processes',
    name: 'a worker is killed',
    needs: twoWorkers,
    breaks: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGKILL'),
    short: true,
  },
  {
    part: 'processes',
    name: 'a worker is stopped and goes on',
    needs: twoWorkers,
    breaks: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGSTOP'),
    mends: ({ gateways: [{ pid }] }) => kill(workersOf(pid)[0], 'SIGCONT'),
  },
  {
    part: 'processes',
    name: 'the hash lane is killed',
    needs: twoWorkers,
    breaks: ({ gateways: [{ pid }] }) => kill(lanesOf(pid)[0], 'SIGKILL'),
    short: true,
  },
  {
    part: 'processes',
    name: 'the hash lane is stopped and goes on',
    needs: twoWorkers,
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
