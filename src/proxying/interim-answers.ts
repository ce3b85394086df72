import { AnswerHeads, EmptyLine } from './answer-heads.ts'

/**
 * Filters interim answers before the parser: undici's fails on an unsolicited 100, and llhttp on anything after an interim
 * answer with `Connection: close` or HTTP/1.0. Interim answers may come unsolicited (RFC 9110, 15.2).
 *
 * It reads only status lines, and only where one must be: at the first byte of an answer, and after the empty line that
 * ends each interim answer, because those have no body. It stops at the first other status line, so it never reads a
 * body. The parser gets a 102 without headers for each interim answer, which it ignores except as a sign of life.
 */
export class InterimAnswers {
  readonly #mostBytes: number
  /** The beginning of a status line that arrived in several chunks. */
  #held: Buffer = nothing
  /** Whether an interim answer is being skipped. */
  #isInterim = false
  readonly #emptyLine = new EmptyLine()
  #bytes = 0
  #over = true
  /** Whether the answer itself has begun. */
  #begun = false
  readonly #heads = new AnswerHeads()

  /** `mostBytes`: maximum size of all interim answers before one answer. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Whether the head of the answer itself has passed. */
  get over(): boolean {
    return this.#over
  }

  get tooLong(): boolean {
    // The parser counts no line ends.
    return this.#bytes > this.#mostBytes || this.#heads.bytes > 2 * this.#mostBytes
  }

  /** The next byte is the first of an answer. */
  begin(): void {
    this.#over = false
    this.#begun = false
    this.#held = nothing
    this.#isInterim = false
    this.#bytes = 0
  }

  /** What the parser gets instead of this chunk. Must not be called when it is over. */
  pass(chunk: Buffer): Buffer {
    if (this.#begun) return this.#passHead(chunk)
    // The common case: `HTTP/1.1 2`, without an interim answer.
    if (this.#held.length === 0 && !this.#isInterim && chunk.length > digit && chunk[digit] !== one)
      if (chunk[0] === letterH) return this.#end(chunk)

    const signs: Buffer[] = []
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = nothing
    for (;;) {
      if (this.#isInterim) rest = this.#skip(rest)
      if (!this.#isInterim) rest = rest.subarray(emptyLines(rest))
      if (rest.length === 0) return joined(signs, nothing)
      const kind = kindOf(rest)
      if (kind === 'unclear') {
        this.#held = Buffer.from(rest) // the bytes of a chunk may be valid only now
        return joined(signs, nothing)
      }
      if (kind === 'answer') return joined(signs, this.#end(rest))
      signs.push(signOfLife)
      this.#isInterim = true
      this.#emptyLine.begin()
    }
  }

  #end(rest: Buffer): Buffer {
    this.#begun = true
    this.#held = nothing
    this.#heads.begin()
    return this.#passHead(rest)
  }

  #passHead(chunk: Buffer): Buffer {
    const passed = this.#heads.pass(chunk)
    this.#over = this.#heads.over
    return passed
  }

  /** Skips to the end of an interim answer; returns what follows it. */
  #skip(bytes: Buffer): Buffer {
    const end = this.#emptyLine.endIn(bytes)
    this.#isInterim = end === -1
    const skipped = end === -1 ? bytes.length : end
    this.#bytes += skipped
    return bytes.subarray(skipped)
  }
}

const nothing = Buffer.alloc(0)
const signOfLife = Buffer.from('HTTP/1.1 102 Processing\r\n\r\n', 'latin1')

const [lf, cr, one, letterH] = [0x0a, 0x0d, 0x31, 0x48] as const
/** Position of the first digit of the status. */
const digit = 9

/** Empty lines before a status line, which parsers skip (RFC 9112, 2.2). */
function emptyLines(bytes: Buffer): number {
  let at = 0
  while (bytes[at] === lf || bytes[at] === cr) at++
  return at
}

/** 101 is a final answer: what follows it is not HTTP. */
function kindOf(bytes: Buffer): 'interim' | 'answer' | 'unclear' {
  const line = bytes.toString('latin1', 0, wholeStatus.length)
  if (line.length === wholeStatus.length)
    return /^HTTP\/\d\.\d 1(?!01)\d\d[ \r\n]$/.test(line) ? 'interim' : 'answer'
  const completed = line + wholeStatus.slice(line.length)
  return /^HTTP\/\d\.\d 1\d\d $/.test(completed) ? 'unclear' : 'answer'
}

/** Has the length that is needed to tell an interim answer from a final one. */
const wholeStatus = 'HTTP/1.1 100 '

function joined(signs: readonly Buffer[], rest: Buffer): Buffer {
  return signs.length === 0 ? rest : Buffer.concat([...signs, rest])
}
