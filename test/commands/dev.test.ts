import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { demoEnvironment } from '../support/demo.ts'
import { isRunning } from '../support/processes.ts'
import { checkout } from '../support/program.ts'
import { until } from '../support/until.ts'

t.test('npm run dev reloads when a file of src changes, and Ctrl-C leaves no process', async t => {
  const dev = await startDev(t)
  await dev.hasStarted(1)
  const [before, now] = [membersOf(dev.group), new Date()]
  utimesSync(join(checkout, 'src/answers/terms.ts'), now, now)
  await dev.hasStarted(2)
  t.notSame(membersOf(dev.group), before, 'the gateway runs in new processes')

  process.kill(-dev.group, 'SIGINT') // what a terminal does
  await until(() => membersOf(dev.group).length === 0)
})

t.test('npm run dev leaves no process when its terminal is closed', async t => {
  const dev = await startDev(t)
  await dev.hasStarted(1)
  process.kill(-dev.group, 'SIGHUP')
  await until(() => membersOf(dev.group).length === 0)
})

async function startDev(t: Test) {
  const child = spawn('npm', ['run', 'dev'], {
    cwd: checkout,
    env: { ...process.env, ...(await demoEnvironment(t)) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, as in a terminal
  })
  const group = child.pid ?? -1
  t.teardown(() => {
    for (const pid of membersOf(group)) process.kill(pid, 'SIGKILL')
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const hasStarted = (times: number) =>
    until(() => {
      if (child.exitCode !== null) throw new Error(`npm run dev has ended:\n${printed}`)
      return printed.split('Altgate is running').length - 1 === times
    })
  return { group, hasStarted }
}

/** What runs in a process group. */
function membersOf(group: number): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter(pid => isRunning(pid) && groupOf(pid) === group)
}

/** proc_pid_stat(5): the third number behind the name. */
function groupOf(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[2])
  } catch {
    return undefined // ended meanwhile
  }
}
