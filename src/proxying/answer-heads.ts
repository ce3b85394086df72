/**
 * Reads the head of each final answer before the parser, which refuses what other recipients read: lines that end with LF
 * alone or go on in the next one, blanks before the colon, names that are no tokens, control characters, a length beside
 * chunks or repeated, HTTP/1.2. Where RFC 9112 says how such a head is read, the parser gets it written like that. All
 * other heads pass unchanged, and so do all bodies.
 *
 * What the client gets is framed anew, and the connection is used for no further answer, so nothing depends on another
 * reading of the same bytes.
 */
export class AnswerHeads {
  /** The beginning of a head that arrived in several chunks, or is to be written anew. */
  #held: Buffer[] = []
  #bytes = 0
  readonly #emptyLine = new EmptyLine()
  #over = true

  /** Whether the head has passed. */
  get over(): boolean {
    return this.#over
  }

  /** How much is held. */
  get bytes(): number {
    return this.#bytes
  }

  /** The next byte is the first of a status line. */
  begin(): void {
    this.#over = false
    this.#forget()
  }

  /** What the parser gets instead of this chunk. Must not be called when it is over. */
  pass(chunk: Buffer): Buffer {
    if (this.#held.length === 0 && isPlain(chunk)) return this.#end(chunk)
    const end = this.#emptyLine.endIn(chunk)
    if (end === -1) return this.#hold(chunk)
    const head = Buffer.concat([...this.#held, chunk.subarray(0, end)])
    const read = isPlain(head) ? head : mended(head)
    return this.#end(Buffer.concat([read, chunk.subarray(end)]))
  }

  #hold(chunk: Buffer): Buffer {
    const isFirst = this.#bytes < protocol.length
    this.#keep(Buffer.from(chunk)) // the chunk may be overwritten
    this.#bytes += chunk.length
    if (!isFirst) return nothing
    const begun = Buffer.concat(this.#held)
    // The parser says what else it is.
    return protocol.startsWith(begun.toString('latin1', 0, protocol.length)) ? nothing : this.#end(begun)
  }

  /**
   * As few buffers as need no byte copied often, each smaller than the one before: a buffer takes a hundred bytes beside
   * what is in it, and an upstream may send every byte as a chunk.
   */
  #keep(piece: Buffer): void {
    let last = piece
    let before = this.#held.at(-1)
    for (; before !== undefined && before.length <= last.length; before = this.#held.at(-1)) {
      this.#held.pop()
      last = Buffer.concat([before, last])
    }
    this.#held.push(last)
  }

  #end(bytes: Buffer): Buffer {
    this.#over = true
    this.#forget()
    return bytes
  }

  #forget(): void {
    this.#held = []
    this.#bytes = 0
    this.#emptyLine.begin()
  }
}

/** Looks for the empty line that ends a head, which may arrive in several chunks. */
export class EmptyLine {
  /** How much of it was read: the end of the line before, and perhaps a CR. */
  #read = 0

  /** The next byte belongs to another head. */
  begin(): void {
    this.#read = 0
  }

  /** Where it ends in this chunk, or -1. */
  endIn(chunk: Buffer): number {
    for (let at = 0; at < chunk.length; at++) {
      if (chunk[at] === lf) {
        if (this.#read > 0) return at + 1
        this.#read = 1
      } else this.#read = chunk[at] === cr && this.#read === 1 ? 2 : 0
    }
    return -1
  }
}

const nothing = Buffer.alloc(0)
const protocol = 'HTTP/'
const [tab, lf, cr, space, comma] = [0x09, 0x0a, 0x0d, 0x20, 0x2c] as const
const [dot, zero, one, colon] = [0x2e, 0x30, 0x31, 0x3a] as const

/** Which bytes a name consists of (RFC 9110, 5.6.2), and which a value. */
const inNames = new Uint8Array(256)
const inValues = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  if (/[!#$%&'*+.^_`|~\w-]/.test(String.fromCharCode(byte))) inNames[byte] = 1
  if (byte === tab || (byte >= space && byte !== 0x7f)) inValues[byte] = 1
}

const lengthOf = { contentLength: 'content-length'.length, transferEncoding: 'transfer-encoding'.length }
const versionAt = 'HTTP/1.'.length
const statusAt = 'HTTP/1.1 '.length

/** Whether the chunk begins with a whole head that every recipient reads alike. Every answer passes here. */
function isPlain(bytes: Buffer): boolean {
  const minor = bytes[versionAt]
  if ((minor !== zero && minor !== one) || bytes[versionAt - 1] !== dot || bytes[statusAt] === space)
    return false
  let at = statusAt
  let framing = 0
  for (;;) {
    // The end of the status line, or of a value. The parser reads phrases.
    while (inValues[bytes[at] ?? lf] === 1) at++
    if (bytes[at] !== cr || bytes[at + 1] !== lf) return false
    at += 2
    if (bytes[at] === cr) return bytes[at + 1] === lf && (framing < 2 || !isFramedTwice(bytes))
    const from = at
    while (inNames[bytes[at] ?? lf] === 1) at++
    if (at === from || bytes[at] !== colon) return false
    // Names are compared only in heads with two of these lengths, or a list, which hardly any has otherwise.
    const length = at - from
    if (length === lengthOf.transferEncoding) framing++
    if (length === lengthOf.contentLength) framing += isListAt(bytes, at) ? 2 : 1
  }
}

function isListAt(bytes: Buffer, from: number): boolean {
  let at = from
  while (inValues[bytes[at] ?? lf] === 1 && bytes[at] !== comma) at++
  return bytes[at] === comma
}

function isFramedTwice(bytes: Buffer): boolean {
  const lines = linesOf(bytes).filter(({ name }) => /^(?:content-length|transfer-encoding)$/i.test(name))
  return lines.length > 1 || lines.some(({ value }) => value.includes(','))
}

interface Line {
  readonly name: string
  readonly value: string
}

/** The fields of a head, which may be followed by a body. */
function linesOf(bytes: Buffer): readonly Line[] {
  const text = bytes.toString('latin1')
  const head = text.slice(0, /\n\r?\n/.exec(text)?.index)
  const [, ...lines] = head.replace(folds, ' ').split('\n')
  return lines.map(line => {
    const end = line.indexOf(':')
    return { name: end === -1 ? '' : line.slice(0, end).trimEnd(), value: line.slice(end + 1) }
  })
}

/** RFC 9112, 5.2. */
const folds = /\r?\n[\t ]+/g

/** The head as the parser reads it, or unchanged if RFC 9112 does not say how. */
function mended(head: Buffer): Buffer {
  const [, status, phrase = ''] = statusLine.exec(head.toString('latin1')) ?? []
  // Browsers and nginx leave out what is not a field.
  const fields = linesOf(head).filter(({ name }) => token.test(name))
  // An empty line after the status is more likely a part of it, and what follows is no body.
  if (status === undefined || fields.length === 0) return head
  const lines = [`HTTP/1.1 ${status} ${phrase.trim()}`, 'Connection: close']
  for (const { name, value } of framedOnce(fields)) lines.push(`${name}: ${printable(value)}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** A higher minor version is read as 1.1 (RFC 9110, 2.5). */
const statusLine = /^HTTP\/1\.\d +(\d{3})(?![^ \r\n])([^\r\n]*)/
const token = /^[!#$%&'*+.^_`|~\w-]+$/

/** RFC 9112, 6.3: codings override the length, and one length may be repeated. The parser refuses what is left. */
function framedOnce(lines: readonly Line[]): readonly Line[] {
  const isLength = ({ name }: Line) => name.toLowerCase() === 'content-length'
  const others = lines.filter(line => !isLength(line))
  if (others.some(({ name }) => name.toLowerCase() === 'transfer-encoding')) return others
  const lengths = lines.filter(isLength).flatMap(({ value }) => value.split(',').map(each => each.trim()))
  const [length = ''] = lengths
  const isOne = /^\d+$/.test(length) && lengths.every(each => each === length)
  return isOne ? [...others, { name: 'Content-Length', value: length }] : lines
}

/** RFC 9110, 5.5. */
function printable(value: string): string {
  return value.replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ').trim()
}
