import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { workerMalloc } from '../src/engine/memory.ts'

// Runs test files side by side, each in a process of its own or a folder in one: all of them, or the files and folders that are named. The
// `tap` command runs files in processes as well, but gives each process hooks for mocks and coverage. Every Node process that a test starts
// inherits them: the gateway would take twice the time to start, and would not be what users start.

/** For two cores: a file computes for a third of its time, and waits for servers, clients and time-outs for the rest. */
const jobs = 6

/** Those that take longest come first: the last one to end has nothing beside it. */
const longest = [
  'test/acceptance/several-hosts.test.ts',
  'test/store/pgbouncer.test.ts',
  'test/store/postgres.test.ts',
  'test/bench.test.ts',
  'test/laboratory/tools-that-send-before-they-listen.test.ts',
  'test/browser/accessibility.test.ts',
  'test/acceptance/time-tells-no-names.test.ts',
  'test/faults/redis.test.ts',
  'test/server/conversation.test.ts',
  'test/helper/turns.test.ts',
  'test/faults/postgres.test.ts',
  'test/acceptance/reload.test.ts',
  'test/store/sqlite.test.ts',
  'test/acceptance/nothing-a-peer-sends-ends-a-process.test.ts',
]

/**
 * Folders whose files run in one process when all of them run: they test the product in their own process, and what they load takes them
 * half of their time.
 */
const together = [
  'test/commands',
  'test/self-service',
  'test/proxying',
  'test/answers',
  'test/oauth',
  'test/delegation',
  'test/api',
  'test/requests',
  'test/settings',
  'test/telemetry',
  'test/server',
  'test/bench-command',
  'test/hashing',
  'test/accounts',
  'test/demo',
  'test/upstream-auth',
  'test/forward-auth',
  'test/verdicts',
  'test/status',
  'test/gateway',
  'test/common',
]

/** For one process, on a busy machine. */
const longestSeconds = 400

/** Milliseconds from the last line of a file's report to the end of its process. */
const patience = 4_000

/** Processes that may have to be killed. If there are more, the cause is not a rare fault of Node, and the run fails. */
const mostKilled = 5
let killed = 0

/** What the tests may need at once: repositories of tens of megabytes, PostgreSQL's files. */
const roomBytes = 4 * 1024 ** 3

/**
 * A folder in memory for what tests write: on a disk, those that commit to SQLite spend half of their time on waiting for it.
 * `undefined` where there is none, or it is too small, as in a container, or programs cannot be started from there.
 */
function folderInMemory(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    if (bavail * bsize < roomBytes) return undefined
    const folder = mkdtempSync('/dev/shm/altgate-')
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
    chmodSync(folder, 0o1777) // servers run as another user
    const program = join(folder, 'program')
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 })
    return spawnSync(program).status === 0 ? folder : undefined
  } catch {
    return undefined
  }
}

const folder = folderInMemory()
const env = {
  ...process.env,
  TAP_TYPE_STRIP_ONLY: '1',
  // As in a worker: a server that a test file starts in its own process allocates 6 MB that it hardly touches.
  MALLOC_MMAP_THRESHOLD_: workerMalloc.MALLOC_MMAP_THRESHOLD_,
  TAP_TIMEOUT: String(longestSeconds),
  ...(folder && { TMPDIR: folder }),
}

// `env` takes away what this process, as a parent, would hand down.
const node = ['--unset=NODE_OPTIONS', process.execPath, '--no-concurrent-recompilation']

function filesOf(path: string): readonly string[] {
  return statSync(path).isDirectory() ? globSync(join(path, '**/*.test.ts')).sort() : [path]
}

const named = process.argv.slice(2)
const found = (named.length === 0 ? ['test'] : named).flatMap(filesOf)
await keepStripped(found.map(file => pathToFileURL(resolve(file)).href))
const folders = together.filter(folder => filesOf(folder).every(file => found.includes(file)))
const alone = found.filter(file => !folders.includes(dirname(file)))
const processes = [
  ...longest.filter(file => alone.includes(file)),
  ...folders,
  ...alone.filter(file => !longest.includes(file)),
]
t.jobs = Math.min(jobs, processes.length)
t.setTimeout(0)
t.plan(processes.length)
t.on('spawn', spawned => spawned.once('process', child => guard(spawned.name, child)))
for (const each of processes) {
  const program = folders.includes(each) ? ['test/together.ts', each] : [each]
  void t.spawn('env', [...node, ...program], { buffered: true, timeout: longestSeconds * 1000, env }, each)
}

/** The last line that tap writes of a process; those of its tests are indented, and what is kept may begin in one of them. */
const last = /\n# time=/

/**
 * A process of Node can stay for ever after all is done, as after a reset of a connection that was ending (`test/support/reset.ts`), or with a
 * busy thread of V8 (nodejs/node 54918). One that has reported its last line and does not end is told of, killed, and judged by
 * what it has reported; the run fails if there are many.
 */
function guard(name: string, child: ChildProcess): void {
  let end = ''
  let watchdog: NodeJS.Timeout | undefined
  const emit = child.emit.bind(child)
  const giveUp = () => {
    console.error(`${name} has reported everything, but its process does not end: killed`)
    child.emit = (event: string | symbol, ...told: unknown[]) =>
      event === 'close' ? emit(event, 0, null) : emit(event, ...told)
    child.kill('SIGKILL')
    killed += 1
    if (killed > mostKilled) process.exitCode = 1
  }
  child.stdout?.on('data', (text: Buffer) => {
    end = (end + text.toString('latin1')).slice(-1000)
    if (last.test(end)) watchdog ??= setTimeout(giveUp, patience)
  })
  child.on('close', () => clearTimeout(watchdog))
}

/**
 * Takes the types from all files at once, and keeps what is left where each finds it. Else each process would load Node's parser
 * of TypeScript for its one file, for a twentieth of a second. What a file imports is not looked for, and so it is not run.
 */
async function keepStripped(urls: readonly string[]): Promise<void> {
  if (module.getCompileCacheDir() === undefined) return
  const hooks = module.registerHooks({
    resolve(name, context, next) {
      if (urls.includes(context.parentURL ?? '')) throw new Error('it is only read')
      return next(name, context)
    },
  })
  for (const url of urls) await import(url).catch(() => {})
  hooks.deregister()
  module.flushCompileCache()
}
