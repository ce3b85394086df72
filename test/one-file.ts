import { spawn } from 'node:child_process'

// Runs one test file in a process of its own and passes on what it reports: `node test/one-file.ts FILE`. A process of Node
// can stay for ever after all is done, with a busy thread of V8 and no JavaScript left to run (nodejs/node 54918). One that
// has reported its last line and does not end is told of, killed, and judged by what it has reported.

/** Milliseconds from the last line of the report to the end of the process. */
const patience = 20_000

/** The last line that tap writes of a file; those of its tests are indented, and what is kept may begin in one of them. */
const last = /\n# time=/

const [file = ''] = process.argv.slice(2)
const child = spawn(process.execPath, ['--no-concurrent-recompilation', file], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
let end = ''
let watchdog: NodeJS.Timeout | undefined
let killed = false
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  process.stdout.write(text)
  end = (end + text).slice(-10_000)
  if (last.test(end)) watchdog ??= setTimeout(giveUp, patience)
})
for (const signal of ['SIGTERM', 'SIGINT', 'SIGALRM'] as const)
  process.on(signal, () => {
    child.kill('SIGKILL')
    process.exitCode = 1
  })

function giveUp(): void {
  console.error(`${file} has reported everything, but its process does not end: killed`)
  killed = true
  child.kill('SIGKILL')
}

child.on('close', code => {
  clearTimeout(watchdog)
  process.exitCode ||= killed ? 0 : (code ?? 1)
})
