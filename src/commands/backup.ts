import { randomBytes } from 'node:crypto'
import {
  createReadStream,
  createWriteStream,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { unreadable } from '../settings/document.ts'
import { Interrupted, unwritable } from './failure.ts'
import { examples } from './help.ts'
import { clearProgress, moment, note, say, sayJson } from './say.ts'
import type { Toolbox } from './tools.ts'

const about = `
Writes everything in the store, as of one moment, while gateways go on. FILE gets
its name when it is complete, and only its owner can read it; "-" is standard
output. It fits either kind of store: altgate restore puts it into SQLite or
PostgreSQL, also with a later version of Altgate.

A backup has the hashes of all passwords, the keys of generated passwords and of
assertions, and who uses what. It is not encrypted: keep it like the store, or
encrypt it on the way (last example). It does not have the settings, the sealing
keys, which belong elsewhere, nor sessions of the page.

--verify reads a backup to its end and compares its checksum and the number of
rows of each table.`

interface Options {
  readonly force?: true
  readonly verify?: true
  readonly json?: true
}

/** `altgate backup`. */
export function addBackupCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('backup')
    .description('write a backup of the store while it is in use, or check one')
    .argument('<FILE>', 'where to write it; - is standard output')
    .option('--force', 'replace FILE if it exists')
    .option('--verify', 'check the backup in FILE, and change nothing')
    .option('--json', 'print a JSON object: file, takenAt, version, store, changes, rows')
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'backup altgate-2027-01-31.backup',
        'backup --verify altgate-2027-01-31.backup',
        'backup - | age -r age1… > altgate.backup.age',
      ),
    )
    .action(async (file: string, options: Options, command: Command) => {
      if (options.verify) {
        if (options.force)
          command.error('error: --verify writes nothing: leave out --force.', { exitCode: 2 })
        insistOnInput(file, command)
        return await verify(file, options)
      }
      if (file === '-' && options.json)
        command.error('error: --json and the backup cannot both go to standard output.', { exitCode: 2 })
      if (file === '-' && process.stdout.isTTY)
        command.error('error: a backup is not for terminals: name a file, or redirect standard output.', {
          exitCode: 2,
        })
      await backUp(file, options, toolbox)
    })
}

/** What a backup says of itself. */
type Summary = Awaited<ReturnType<typeof import('../backup.ts').backUp>>

async function backUp(file: string, { force, json }: Options, toolbox: Toolbox): Promise<void> {
  const settings = toolbox.settings()
  const place = placeOf(file, force ?? false)
  const stop = new AbortController()
  const interrupt = () => stop.abort()
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  try {
    const { backUp } = await import('../backup.ts')
    const taken = await backUp(settings, { to: place.open, progress: showRows, stop: stop.signal })
    clearProgress()
    place.keep()
    if (json) return sayJson(jsonOf(file, taken))
    const line = `The store was written to ${file === '-' ? 'standard output' : file}: ${summary(taken)}.`
    if (file === '-') note(line)
    else say(line)
  } catch (error) {
    clearProgress()
    place.drop()
    if (!stop.signal.aborted)
      throw isOfFile(error) ? unwritable(file === '-' ? 'Standard output' : file, error) : error
    note('Stopped. There is no backup.')
    throw new Interrupted()
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

/** Where a backup goes. */
interface Place {
  readonly open: () => ReturnType<typeof createWriteStream>
  /** It is complete: it gets its name. */
  keep(): void
  /** Nothing is left behind. */
  drop(): void
}

function placeOf(file: string, force: boolean): Place {
  // Not `process.stdout`: a reader that goes away leaves a backup that is cut off, which is an error here.
  if (file === '-')
    return { open: () => createWriteStream('', { fd: 1, autoClose: false }), keep() {}, drop() {} }
  const found = statSync(file, { throwIfNoEntry: false })
  if (found !== undefined && !found.isFile())
    throw new Failure(`${file} is not a file. To write elsewhere, use "-" and redirect standard output.`)
  if (found !== undefined && !force)
    throw new Failure(`${file} exists. To replace it, add --force. Nothing was done.`)
  const target = found === undefined ? file : realpathSync(file)
  // Of this run alone: what a run that was killed has left may have the number of this process.
  const partial = `${target}.${randomBytes(6).toString('hex')}.part`
  return {
    open: () => createWriteStream('', { fd: openSync(partial, 'wx', 0o600), flush: true }),
    keep() {
      if (force) return renameSync(partial, target)
      try {
        linkSync(partial, target) // unlike a rename, it never replaces what came meanwhile
      } catch (error) {
        if (isOfFile(error) && error.code === 'EEXIST')
          throw new Failure(`${file} exists by now. To replace it, add --force.`, { cause: error })
        return renameSync(partial, target) // not every file system has links
      }
      rmSync(partial)
    },
    drop: () => rmSync(partial, { force: true }),
  }
}

function isOfFile(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}

async function verify(file: string, { json }: Options): Promise<void> {
  const { verifyBackup } = await import('../backup.ts')
  const checked = await readFrom(file, from => verifyBackup(from, countRows))
  if (json) return sayJson(jsonOf(file, checked))
  say(`${nameOf(file)} is complete and undamaged: ${summary(checked)}.`)
}

/** Reads a file or standard input. Throws `Failure`, also if it cannot be read. */
export async function readFrom<T>(
  file: string,
  read: (from: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  try {
    return await read(file === '-' ? process.stdin : createReadStream(file))
  } catch (error) {
    if (!isOfFile(error)) throw error
    throw new Failure(`${nameOf(file)} ${unreadable(error)}.`, { cause: error })
  } finally {
    clearProgress()
  }
}

/** Ends the command with a usage error if it would wait for a terminal. */
export function insistOnInput(file: string, command: Command): void {
  if (file === '-' && process.stdin.isTTY)
    command.error('error: a backup cannot be typed: name a file, or redirect standard input.', {
      exitCode: 2,
    })
}

function nameOf(file: string): string {
  return file === '-' ? 'Standard input' : file
}

/** What a backup holds, in a line. */
export function summary({ header, rows }: Summary): string {
  const counted = [
    countText(rows['accounts'], 'account'),
    countText(rows['credentials'], 'credential'),
    countText(rows['passwords'], 'generated password'),
  ]
  return `${counted.join(', ')}, as of ${moment(Date.parse(header.takenAt))}, change ${header.changes}, by version ${header.version}`
}

export function countText(many = 0, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`
}

export function jsonOf(file: string, { header, rows }: Summary): object {
  const { takenAt, version, store, changes } = header
  return { file, takenAt, version, store, changes, rows }
}

function showRows(done: number, of: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${of} rows`)
}

/** Also lets a signal in. */
export async function countRows(done: number): Promise<void> {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} rows`)
  await setImmediate()
}
