import {
  closeSync,
  constants,
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
  /** What may wait to be written. */
  readonly bufferKiB: number
}

export interface SinkEvents {
  /** A line is lost: what has to be written is more than is held. */
  readonly dropped: () => void
  /** Lines cannot be written, for now; `code` is the system's. */
  readonly failed?: (code: string) => void
  /** They can be written again, and so many were lost meanwhile. */
  readonly resumed?: (lost: number) => void
}

/** Milliseconds until it is tried again: for a reader that is slow, and for a disk that is full. */
const soonMs = 10
const laterMs = 500

/** Milliseconds between two looks whether the file is still the one of that name. */
const lookMs = 1000

/** Milliseconds for which the last lines of a process wait for a slow reader. */
const lastMs = 500

/** What a write says where it would have to wait. */
const wouldWait = 'EAGAIN'

/**
 * Where lines go: a file, or standard output. Those of one turn of the event loop are one write. A write never waits and
 * never throws: what cannot be written now is held up to a bound, beyond it lines are dropped whole, and it is tried
 * again until it succeeds. A file that was moved or removed is made anew.
 */
export class Sink {
  readonly #file: string | undefined
  readonly #standardOutput: number
  /** Characters that wait to be written, at most. */
  readonly #most: number
  readonly #events: SinkEvents
  #descriptor: number | undefined
  /** Whole lines. */
  #lines = ''
  /** What a write has left over. */
  #rest: Buffer | undefined
  /** The same from the beginning of the line whose first part has been written. */
  #cut: Buffer | undefined
  #isPipe = false
  #retry: NodeJS.Timeout | undefined
  #trouble: string | undefined
  #lost = 0
  #lookedAt = 0

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

  /** What the system said when lines could not be written last; `undefined` if they can. A slow reader is no trouble. */
  get trouble(): string | undefined {
    return this.#trouble === wouldWait ? undefined : this.#trouble
  }

  /** Whether a line that is written now would soon be on its way. */
  get takesMore(): boolean {
    return this.trouble === undefined && this.#held < this.#most / 2
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
    // What other processes write until there is room again comes between: the line is written once more, as a whole.
    if (this.#cut !== undefined && code !== wouldWait) this.#rest = Buffer.concat([lineEnd, this.#cut])
    this.#cut = undefined
    // By then it could be another file.
    if (this.#file !== undefined && code !== wouldWait) this.#close()
    this.#retry = setTimeout(this.#pour, code === wouldWait ? soonMs : laterMs).unref()
  }

  /** What to write to: opened, if need be. */
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

  /** A process that ends has no other chance, but a reader that has stopped must not keep it. */
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

/** Never waits for whoever reads a pipe. Only the user of this process may read what it makes. */
function openToAppend(file: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600)
}

/**
 * A descriptor of standard output whose writes do not wait. Node makes a pipe or a socket so, for all that share it, when it
 * opens it as a stream; anything else is opened once more.
 */
function withoutWaiting(descriptor: number): number {
  const kind = fstatSync(descriptor)
  if (kind.isCharacterDevice())
    try {
      const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
      return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
    } catch {
      return descriptor // not Linux, or somebody else's terminal
    }
  if (descriptor === 1 && !kind.isFile()) void process.stdout
  return descriptor
}

/** Whether a file that was opened is still the one of that name. */
function isNamed(file: string, opened: Stats): boolean {
  const named = statSync(file, { throwIfNoEntry: false })
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
}

/** A pipe takes so many bytes in one piece: other processes that write to it come before or after them. */
const pipePiece = 4096

/** As many lines as a pipe takes in one piece, or the first one if it is longer. */
function wholeLines(bytes: Buffer): Buffer {
  if (bytes.length <= pipePiece) return bytes
  const end = bytes.lastIndexOf(newline, pipePiece - 1)
  return bytes.subarray(0, end > 0 ? end + 1 : bytes.indexOf(newline) + 1)
}

/** From the beginning of the line in which this place is; nothing if it is between two lines. */
function fromLineAt(bytes: Buffer, place: number): Buffer | undefined {
  const beginning = place === 0 ? 0 : bytes.lastIndexOf(newline, place - 1) + 1
  return beginning === place ? undefined : bytes.subarray(beginning)
}

const lineEnd = Buffer.from('\n')
const newline = 10
