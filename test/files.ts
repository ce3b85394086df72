import { spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

// Runs test files side by side, each in a process of its own: all of them, or the files and folders that are named. The
// `tap` command does the same, but gives each process hooks for mocks and coverage. Every Node process that a test starts
// inherits them: the gateway would take twice the time to start, and would not be what users start.

/** For two cores: with three, a third of their time was left, because many files wait most of the time. */
const jobs = 4

/** For one file, on a busy machine. */
const longestSeconds = 400

/** What the tests may need at once: repositories of 200 MB, PostgreSQL's files. */
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
  TAP_TIMEOUT: String(longestSeconds),
  ...(folder && { TMPDIR: folder }),
}

// `env` takes away what this process, as a parent, would hand down.
const node = ['--unset=NODE_OPTIONS', process.execPath, join(import.meta.dirname, 'one-file.ts')]

function filesOf(path: string): readonly string[] {
  return statSync(path).isDirectory() ? globSync(join(path, '**/*.test.ts')).sort() : [path]
}

const named = process.argv.slice(2)
const files = (named.length === 0 ? ['test'] : named).flatMap(filesOf)
t.jobs = Math.min(jobs, files.length)
t.setTimeout(0)
t.plan(files.length)
for (const file of files)
  void t.spawn('env', [...node, file], { buffered: true, timeout: longestSeconds * 1000, env }, file)
