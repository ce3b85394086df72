import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

export interface SinkOptions {
  /** Left out: standard output. */
  readonly file?: string
  /** Its descriptor; 1 if left out. */
  readonly standardOutput?: number
  /** How much may wait to be written. */
  readonly bufferKiB: number
}

export interface SinkEvents {
  /** A line is lost because the buffer is full. */
  readonly dropped: () => void
  /** Lines cannot be written for now; `code` is the error code of the system. */
  readonly failed?: (code: string) => void
  /** Lines can be written again; `lost` of them were lost in the meantime. */
  readonly resumed?: (lost: number) => void
}

/** Takes lines and never blocks: what cannot be written yet is held up to a bound, and further lines are dropped. */
export interface LineSink {
  write(line: string): void
  /** The error code of the last failed attempt; `undefined` once lines get through. */
  readonly trouble: string | undefined
  /** Whether a line written now would be delivered soon. */
  readonly takesMore: boolean
  /** Resolves when everything written before has got through, as far as that can be known. */
  settled(): Promise<void>
  /** Log rotation. */
  reopen(): void
  /** Lets the last lines get through, within seconds. */
  close(): Promise<void>
}

/** Milliseconds until the next attempt: for a slow reader, and for a full disk. */
const soonMs = 10
const laterMs = 500

/** Milliseconds between two checks whether the open file still has its name. */
const lookMs = 1000

/** Milliseconds for which the last lines of a process wait for a slow reader. */
const lastMs = 500

/** The error code of a write that would block. */
const wouldWait = 'EAGAIN'

/**
 * Writes lines to a file or to standard output. The lines of one turn of the event loop are one write. A write never blocks
 * and never throws: what cannot be written yet is held up to a bound, further lines are dropped whole, and writing is
 * retried until it succeeds. A file that was moved or removed is created again.
 */
export class Sink implements LineSink {
  readonly #file: string | undefined
  readonly #standardOutput: number
  /** Most characters that may wait to be written. */
  readonly #most: number
  readonly #events: SinkEvents
  #descriptor: number | undefined
  /** Whole lines. */
  #lines = ''
  /** What the last write left over. */
  #rest: Buffer | undefined
  /** The same, from the beginning of the line that was written in part. */
  #cut: Buffer | undefined
  #isPipe = false
  #retry: NodeJS.Timeout | undefined
  #trouble: string | undefined
  #lost = 0
  #lookedAt = 0
  #settling: (() => void)[] = []

  constructor({ file, bufferKiB, standardOutput = 1 }: SinkOptions, events: SinkEvents) {
    this.#file = file
    this.#standardOutput = standardOutput
    this.#most = bufferKiB * 1024
    this.#events = events
    try {
      this.#look()
    } catch (error) {
      this.#fail(error)
    }
    process.on('exit', this.#pourLast)
  }

  /** The error code of the last failed write; `undefined` once writes succeed. A slow reader is not trouble. */
  get trouble(): string | undefined {
    return this.#trouble === wouldWait ? undefined : this.#trouble
  }

  /** Whether a line written now would be delivered soon. */
  get takesMore(): boolean {
    return this.trouble === undefined && this.#held < this.#most / 2
  }

  /** The file of that name is looked for before the next line, and created if it was moved. */
  reopen(): void {
    this.#lookedAt = -Infinity
  }

  /** Resolves when everything written before is in the file, on the disk if it has one, or with the reader's system. */
  async settled(): Promise<void> {
    if (this.#held > 0 || this.trouble !== undefined)
      await new Promise<void>(resolve => void this.#settling.push(resolve))
    const descriptor = this.#descriptor
    // A reader has no disk to wait for, and what the disk refuses was written all the same.
    if (descriptor !== undefined && !this.#isPipe)
      await new Promise<void>(resolve => fdatasync(descriptor, () => resolve()))
  }

  write(line: string): void {
    if (this.#held > this.#most) {
      this.#lost += 1
      if (this.#lost === 1) this.#events.failed?.(this.#trouble ?? wouldWait)
      return this.#events.dropped()
    }
    if (this.#lines === '' && this.#retry === undefined) setImmediate(this.#pour)
    this.#lines += line
  }

  /** The last lines are written at the exit of the process. */
  async close(): Promise<void> {}

  get #held(): number {
    return this.#lines.length + (this.#rest?.length ?? 0)
  }

  readonly #pour = (): void => {
    this.#retry = undefined
    try {
      this.#writeAll(this.#look())
    } catch (error) {
      return this.#fail(error)
    }
    const lost = this.#lost
    const hadTrouble = this.trouble !== undefined
    this.#trouble = undefined
    this.#lost = 0
    if (lost > 0 || hadTrouble) this.#events.resumed?.(lost)
    for (const settled of this.#settling.splice(0)) settled()
  }

  #writeAll(descriptor: number): void {
    for (;;) {
      this.#rest ??= this.#taken()
      if (this.#rest === undefined) return
      const piece = this.#isPipe ? wholeLines(this.#rest) : this.#rest
      const written = writeSync(descriptor, piece)
      this.#cut = written < piece.length ? fromLineAt(this.#rest, written) : undefined
      this.#rest = written < this.#rest.length ? this.#rest.subarray(written) : undefined
    }
  }

  #taken(): Buffer | undefined {
    if (this.#lines === '') return undefined
    const taken = Buffer.from(this.#lines)
    this.#lines = ''
    return taken
  }

  #fail(error: unknown): void {
    const code = codeOf(error)
    const isNews = code !== wouldWait && this.trouble === undefined
    this.#trouble = code
    if (isNews) this.#events.failed?.(code)
    // Other processes may write before there is room again, so the whole line is written once more.
    if (this.#cut !== undefined && code !== wouldWait) this.#rest = Buffer.concat([lineEnd, this.#cut])
    this.#cut = undefined
    // By the next attempt it could be another file.
    if (this.#file !== undefined && code !== wouldWait) this.#close()
    this.#retry = setTimeout(this.#pour, code === wouldWait ? soonMs : laterMs).unref()
  }

  /** The descriptor to write to, opened if necessary. */
  #look(): number {
    if (this.#file === undefined)
      return (this.#descriptor ??= this.#opened(withoutWaiting(this.#standardOutput)))
    const now = performance.now()
    if (this.#descriptor !== undefined && now - this.#lookedAt < lookMs) return this.#descriptor
    this.#lookedAt = now
    if (this.#descriptor !== undefined && isNamed(this.#file, fstatSync(this.#descriptor)))
      return this.#descriptor
    const opened = openToAppend(this.#file)
    this.#close()
    return (this.#descriptor = this.#opened(opened))
  }

  #opened(descriptor: number): number {
    this.#isPipe = !fstatSync(descriptor).isFile()
    return descriptor
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  /** The last chance of a process that ends; a reader that has stopped must not keep it alive. */
  readonly #pourLast = (): void => {
    const end = performance.now() + lastMs
    for (;;) {
      this.#pour()
      clearTimeout(this.#retry)
      if (this.#trouble === undefined && this.#lines === '') return
      if (this.#trouble !== undefined && (this.#trouble !== wouldWait || performance.now() > end)) return
      if (this.#trouble !== undefined) Atomics.wait(sleeper, 0, 0, soonMs)
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  throw error
}

/** Never waits for the reader of a pipe. Only the user of this process may read the files it creates. */
function openToAppend(file: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600)
}

/**
 * A descriptor of standard output whose writes do not block. Node makes a pipe or a socket non-blocking, for all processes
 * that share it, when it opens it as a stream; anything else is opened once more.
 */
function withoutWaiting(descriptor: number): number {
  const kind = fstatSync(descriptor)
  if (kind.isCharacterDevice())
    try {
      const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
      return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    } catch {
      return descriptor // not Linux, or the terminal of another user
    }
  if (descriptor === 1 && !kind.isFile()) void process.stdout
  return descriptor
}

/** Whether an open file is still the one with that name. */
function isNamed(file: string, opened: Stats): boolean {
  const named = statSync(file, { throwIfNoEntry: false })
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
}

/** Bytes that a pipe takes atomically (PIPE_BUF): writes of other processes come before or after them. */
const pipePiece = 4096

/** As many lines as a pipe takes atomically, or the first one if it is longer. */
function wholeLines(bytes: Buffer): Buffer {
  if (bytes.length <= pipePiece) return bytes
  const end = bytes.lastIndexOf(newline, pipePiece - 1)
  return bytes.subarray(0, end > 0 ? end + 1 : bytes.indexOf(newline) + 1)
}

/** The bytes from the beginning of the line that contains `place`; nothing if it is between two lines. */
function fromLineAt(bytes: Buffer, place: number): Buffer | undefined {
  const beginning = place === 0 ? 0 : bytes.lastIndexOf(newline, place - 1) + 1
  return beginning === place ? undefined : bytes.subarray(beginning)
}

const lineEnd = Buffer.from('\n')
const newline = 10
