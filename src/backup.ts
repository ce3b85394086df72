import manifest from '../package.json' with { type: 'json' }
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { Failure } from './common/failure.ts'
import { type Foundation, openFoundation } from './foundation.ts'
import type { Settings } from './settings/schema.ts'
import { insistOnKnown, type TakenBackup } from './store/backup.ts'
import { type BackupHeader, readLines, type RowCounts } from './store/backup-lines.ts'
import { NoStore } from './store/database.ts'
import type { Progress, ReadBackup } from './store/restore.ts'

/** Writes a backup of the store, compressed. `stop` ends it with an `AbortError`. Throws `Outage`. */
export async function backUp(
  settings: Settings,
  {
    to,
    progress,
    stop,
  }: {
    /** Called when there is something to write. */
    readonly to: () => Writable
    readonly progress: (rows: number, of: number) => void
    readonly stop: AbortSignal
  },
): Promise<TakenBackup> {
  const { store } = await openFoundation(settings, () => {}, 'expect')
  try {
    return await store.backup({
      version: manifest.version,
      now: Date.now(),
      write: text => pipeline(Readable.from(text), createGzip(), to(), { signal: stop }),
      progress,
    })
  } finally {
    await store.close()
  }
}

/** Checks a backup as a whole, without a store. Throws `Failure`. */
export async function verifyBackup(
  from: AsyncIterable<Buffer>,
  progress: Progress,
): Promise<{ readonly header: BackupHeader; readonly rows: RowCounts }> {
  let header: BackupHeader | undefined
  let done = 0
  for await (const part of readLines(unpacked(from))) {
    if ('header' in part) header = insistOnKnown(part.header)
    if ('rows' in part) await progress((done += part.rows.length))
    if (!('complete' in part) || header === undefined) continue
    return { header, rows: part.complete }
  }
  throw new Error('a backup without an end was taken for a whole one')
}

/** Reads a backup for a restore, and checks it as a whole. Throws `Failure`. */
export async function readBackup(from: AsyncIterable<Buffer>, progress: Progress): Promise<ReadBackup> {
  const restore = await import('./store/restore.ts')
  return await restore.readBackup(unpacked(from), Date.now(), progress)
}

/** Opens the store that a backup is restored into, which is made if there is none. Throws `Failure` and `Outage`. */
export async function openForRestore(
  settings: Settings,
  waiting: NonNullable<Parameters<typeof openFoundation>[3]>['waiting'],
): Promise<Foundation & { readonly isNew: boolean }> {
  const open = (how: 'expect' | 'make') => openFoundation(settings, () => {}, how, { waiting })
  try {
    return { ...(await open('expect')), isNew: false }
  } catch (error) {
    if (!(error instanceof NoStore)) throw error
    return { ...(await open('make')), isNew: true }
  }
}

/** The text of a backup, whether it is still compressed or not: it may have been kept in another form. */
async function* unpacked(from: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = from[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  while (head.length < 2) {
    const next = await source.next()
    if (next.done) break
    head = Buffer.concat([head, Buffer.from(next.value)])
  }
  const whole = prefixed(head, { [Symbol.asyncIterator]: () => source })
  if (head[0] !== 0x1f || head[1] !== 0x8b) return yield* whole
  const gunzip = createGunzip()
  const fed = pipeline(Readable.from(whole), gunzip)
  fed.catch(() => {}) // it fails in the loop as well
  try {
    yield* gunzip
    await fed
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'Z_BUF_ERROR') throw new Failure('The backup is incomplete: its last lines are missing.')
    if (typeof code === 'string' && code.startsWith('Z_'))
      throw new Failure('The backup is damaged: it cannot be decompressed.')
    throw error
  }
}

async function* prefixed(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head
  for await (const chunk of rest) yield Buffer.from(chunk) // standard input may be read as text
}

/** What the store has now; `undefined`: there is none. Throws `Outage`. */
export async function contentsOfStore(
  settings: Settings,
): Promise<Awaited<ReturnType<Foundation['store']['contents']>> | undefined> {
  try {
    const { store } = await openFoundation(settings, () => {}, 'expect')
    return await store.contents().finally(() => store.close())
  } catch (error) {
    if (error instanceof NoStore) return undefined
    throw error
  }
}
