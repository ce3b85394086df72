/**
 * Passes interim answers over on the way to undici's parser, which ends a connection on a 100 that it has not asked for and
 * on whatever follows an interim answer that says `Connection: close` or HTTP/1.0. They may come unasked (RFC 9110, 15.2).
 *
 * It looks at status lines only, and only where one must be: from the first byte of an answer on, and behind the
 * empty line that ends each interim answer, for those have no body. The first status line that is not one of theirs ends it,
 * so no byte of a body is ever looked at. For each interim answer the parser gets a 102 without headers, which it
 * passes over and takes as a sign of life.
 */
export class InterimAnswers {
  readonly #mostBytes: number
  /** The beginning of a status line that came in pieces. */
  #held: Buffer = nothing
  /** How many bytes of the empty line that ends an interim answer there have been; -1 outside of one. */
  #ending = -1
  #bytes = 0
  #over = true

  /** `mostBytes`: how long all interim answers before one answer may be together. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Whether the answer itself has begun. */
  get over(): boolean {
    return this.#over
  }

  get tooLong(): boolean {
    return this.#bytes > this.#mostBytes
  }

  /** The next byte is the first of an answer. */
  begin(): void {
    this.#over = false
    this.#held = nothing
    this.#ending = -1
    this.#bytes = 0
  }

  /** What the parser is to have in the place of this piece. Not to be called when it is over. */
  pass(chunk: Buffer): Buffer {
    // Most answers: `HTTP/1.1 2`, and no interim one before.
    if (this.#held.length === 0 && this.#ending === -1 && chunk.length > digit && chunk[digit] !== one)
      if (chunk[0] === letterH) return this.#end(chunk)

    const signs: Buffer[] = []
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = nothing
    for (;;) {
      if (this.#ending !== -1) rest = this.#skip(rest)
      if (this.#ending === -1) rest = rest.subarray(emptyLines(rest))
      if (rest.length === 0) return joined(signs, nothing)
      const kind = kindOf(rest)
      if (kind === 'unclear') {
        this.#held = rest
        return joined(signs, nothing)
      }
      if (kind === 'answer') return this.#end(joined(signs, rest))
      signs.push(signOfLife)
      this.#ending = 0
    }
  }

  #end(rest: Buffer): Buffer {
    this.#over = true
    this.#held = nothing
    return rest
  }

  /** Looks for the end of an interim answer; gives what follows it. */
  #skip(bytes: Buffer): Buffer {
    let at = 0
    for (; at < bytes.length && this.#ending !== ended; at++) {
      if (bytes[at] === lf) this.#ending = this.#ending > 0 ? ended : 1
      else this.#ending = bytes[at] === cr && this.#ending === 1 ? 2 : 0
    }
    this.#bytes += at
    if (this.#ending === ended) this.#ending = -1
    return bytes.subarray(at)
  }
}

const nothing = Buffer.alloc(0)
const signOfLife = Buffer.from('HTTP/1.1 102 Processing\r\n\r\n', 'latin1')

const [lf, cr, one, letterH] = [0x0a, 0x0d, 0x31, 0x48] as const
/** Where the first digit of a status stands. */
const digit = 9
/** Both line ends of `\n\r\n` or `\n\n` have been there. */
const ended = 3

/** Empty lines before a status line, which parsers pass over (RFC 9112, 2.2). */
function emptyLines(bytes: Buffer): number {
  let at = 0
  while (bytes[at] === lf || bytes[at] === cr) at++
  return at
}

/** 101 is an answer: what follows it is no HTTP. */
function kindOf(bytes: Buffer): 'interim' | 'answer' | 'unclear' {
  const line = bytes.toString('latin1', 0, wholeStatus.length)
  if (line.length === wholeStatus.length)
    return /^HTTP\/\d\.\d 1(?!01)\d\d[ \r\n]$/.test(line) ? 'interim' : 'answer'
  const completed = line + wholeStatus.slice(line.length)
  return /^HTTP\/\d\.\d 1\d\d $/.test(completed) ? 'unclear' : 'answer'
}

/** As long as what has to be there before an interim answer can be told from another one. */
const wholeStatus = 'HTTP/1.1 100 '

function joined(signs: readonly Buffer[], rest: Buffer): Buffer {
  return signs.length === 0 ? rest : Buffer.concat([...signs, rest])
}
