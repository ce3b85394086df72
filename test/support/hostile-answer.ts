import fc from 'fast-check'

/** One answer of an upstream, as bytes and manner, and what a right reader makes of it. */
export interface HostileAnswer {
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** Each is one write, in a turn of its own. */
  readonly pieces: readonly Buffer[]
  readonly afterwards: 'keep' | 'end' | 'reset' | 'stall'
  readonly status: number
  /** Of the body that a right reader reads. */
  readonly body: string
  /** Whether nothing is wrong with it: then it has to come through. */
  readonly sound: boolean
  /** Whether its body is coded in a way that the gateway cannot carry: then none of it may come through. */
  readonly coded: boolean
  /** Whether its end is the end of the connection, so that a part cannot be told from the whole. */
  readonly endless: boolean
}

const crlf = '\r\n'

const interim = fc.oneof(
  ...[
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 100\r\n\r\n',
    'HTTP/1.0 100 Continue\r\nConnection: close\r\n\r\n',
    'HTTP/1.1 102 Processing\r\nContent-Length: 7\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: </stolen>; rel=preload\r\n\r\n',
    'HTTP/1.1 199 \xe9\r\nTransfer-Encoding: chunked\r\n\r\n',
  ].map(fc.constant),
)

/** What may be wrong with a status line or a header, or only looks so. */
interface Part {
  readonly text: string
  readonly sound: boolean
}

const sound = (...texts: readonly string[]) => texts.map(text => fc.constant<Part>({ text, sound: true }))
const unsound = (...texts: readonly string[]) => texts.map(text => fc.constant<Part>({ text, sound: false }))

const phrase = fc.oneof(
  { weight: 16, arbitrary: fc.constant<Part>({ text: ' OK', sound: true }) },
  ...sound(
    '',
    ' ',
    ' a\tb',
    ' Zugriff verwehrt \xe9',
    ' \xd0\x9d',
    ' a\x01b',
    ' a\x7f\x00',
    ` ${'x'.repeat(3000)}`,
  ).map(arbitrary => ({ weight: 1, arbitrary })),
  ...unsound(' a\rb', 'x', '0', '\n').map(arbitrary => ({ weight: 1, arbitrary })),
)

const status = fc.oneof(
  { weight: 20, arbitrary: fc.constant(200) },
  ...[201, 203, 204, 205, 206, 304, 400, 403, 404, 429, 500, 503, 599, 600, 999].map(each => ({
    weight: 1,
    arbitrary: fc.constant(each),
  })),
  ...[0, 99, 101, 401, 407].map(each => ({ weight: 1, arbitrary: fc.constant(each) })),
)

const header = fc.oneof(
  ...sound(
    'Server: x',
    'X-Empty:',
    'Set-Cookie: a=b; Path=/',
    'X-Latin: a\xe9\xff',
    '__proto__: x',
    'constructor: y',
    'Connection: keep-alive',
    'Connection: X-Latin, Server',
    'Keep-Alive: timeout=1',
    'Keep-Alive: timeout=nonsense, max=0',
    'Trailer: X-Sum',
    'X-Altgate-Outcome-Not: refused',
    'Cache-Control: public, max-age=1',
    `X-Long: ${'y'.repeat(3000)}`,
  ).map(arbitrary => ({ weight: 12, arbitrary })),
  ...unsound(
    'Bad Name: x',
    ': x',
    'no colon',
    'X-Control: a\x01b',
    'X-Nul: a\0b',
    'X: a\r\n folded',
    'Content-Length: x',
    'Content-Length: -1',
    'Content-Length: 18446744073709551616',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: chunked;q=1',
    `X-TooLong: ${'z'.repeat(70_000)}`,
  ).map(arbitrary => ({ weight: 1, arbitrary })),
)

type Framing =
  | 'length'
  | 'chunked'
  | 'close'
  | 'short'
  | 'long'
  | 'twice'
  | 'both'
  | 'gzip'
  | 'bad-chunk'
  | 'no-last'

const framing = fc.oneof(
  ...(['length', 'chunked', 'close'] as const).map(each => ({
    weight: 6,
    arbitrary: fc.constant<Framing>(each),
  })),
  ...(['short', 'long', 'twice', 'both', 'gzip', 'bad-chunk', 'no-last'] as const).map(each => ({
    weight: 1,
    arbitrary: fc.constant<Framing>(each),
  })),
)

/** Behind the answer, in the same packet as its last byte. */
const surplus = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  ...[
    'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 2',
    'stolen',
    '\r\n',
  ].map(each => ({ weight: 1, arbitrary: fc.constant(each) })),
)

const plan = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'GET', 'GET', 'HEAD', 'POST'),
  interims: fc.array(interim, { maxLength: 3, size: 'small' }),
  version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
  status,
  phrase,
  headers: fc.array(header, { maxLength: 4 }),
  framing,
  length: fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 5000, max: 150_000 }) },
  ),
  surplus,
  /** Where it is cut, in thousandths of its length. */
  cut: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 999 }) },
  ),
  /** The same, where a new packet begins. */
  packets: fc.oneof(
    { weight: 3, arbitrary: fc.constant<readonly number[]>([]) },
    { weight: 2, arbitrary: fc.array(fc.integer({ min: 0, max: 999 }), { maxLength: 6 }) },
    // Each of the first bytes alone.
    { weight: 1, arbitrary: fc.constant<'bytes'>('bytes') },
  ),
  afterwards: fc.oneof(
    { weight: 399, arbitrary: fc.constantFrom('keep', 'keep', 'end', 'reset') },
    // They wait for a timeout.
    { weight: 1, arbitrary: fc.constant('stall') },
  ),
})

type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never

/** `count` answers, always the same for a seed. Each has its number in its body, or its length does not allow it. */
export function hostileAnswers(count: number, seed: number): HostileAnswer[] {
  return fc.sample(plan, { numRuns: count, seed }).map(answerOf)
}

function answerOf(each: Plan, number: number): HostileAnswer {
  const { status, version, framing } = each
  const bodiless = each.method === 'HEAD' || status === 204 || status === 304
  const content = `#${number}#`.repeat(Math.ceil(each.length / 4)).slice(0, each.length)
  const framed = frame(framing, content)
  const head = [
    `${version} ${String(status).padStart(3, '0')}${each.phrase.text}`,
    ...each.headers.map(({ text }) => text),
    ...framed.lines,
  ]
  const wire = `${each.interims.join('')}${head.join(crlf)}${crlf}${crlf}${bodiless ? '' : framed.bytes}`
  const surplus = each.length < 5000 && framed.sound && !framed.endless ? each.surplus : ''
  const cut = each.cut === null ? wire.length : Math.floor((wire.length * each.cut) / 1000)
  const whole = cut === wire.length
  const answers = status >= 200 && status !== 401 && status !== 407
  const wellFormed =
    each.phrase.sound &&
    each.headers.every(part => part.sound) &&
    (framed.sound || (bodiless && framing !== 'twice' && framing !== 'both'))
  const sound =
    whole &&
    answers &&
    wellFormed &&
    each.afterwards !== 'stall' &&
    (each.afterwards !== 'reset' || (!framed.endless && each.length < 5000))
  return {
    method: each.method,
    pieces: split(wire.slice(0, cut) + (whole ? surplus : ''), each.packets, whole ? surplus.length + 1 : 0),
    // What is not sound never waits for more, but for the few that stall.
    afterwards: each.afterwards === 'keep' && (!sound || framed.endless) ? 'end' : each.afterwards,
    status,
    body: bodiless ? '' : framed.body,
    sound,
    coded: !bodiless && /^Transfer-Encoding: (?!chunked$)/m.test(head.join('\n')),
    endless: framed.endless,
  }
}

interface Framed {
  readonly lines: readonly string[]
  readonly bytes: string
  /** What a right reader makes of it. */
  readonly body: string
  readonly sound: boolean
  readonly endless: boolean
}

function frame(framing: Framing, content: string): Framed {
  const length = `Content-Length: ${content.length}`
  const plain = { lines: [length], bytes: content, body: content, sound: true, endless: false }
  const chunked = {
    ...plain,
    lines: ['Transfer-Encoding: chunked'],
    bytes: `${chunks(content)}0\r\nX-Sum: 1\r\n\r\n`,
  }
  switch (framing) {
    case 'length':
      return plain
    case 'chunked':
      return chunked
    case 'close':
      return { ...plain, lines: ['Connection: close'], endless: true }
    case 'short':
      return { ...plain, lines: [`Content-Length: ${content.length + 5}`], sound: false }
    case 'long':
      return { ...plain, bytes: `${content}stolen` }
    case 'twice':
      return { ...plain, lines: [length, `Content-Length: ${content.length + 1}`], sound: false }
    case 'both':
      return { ...chunked, lines: [length, ...chunked.lines], sound: false }
    case 'gzip':
      return { ...chunked, lines: ['Transfer-Encoding: gzip, chunked'], sound: false }
    case 'bad-chunk':
      return { ...chunked, bytes: `${chunks(content)}zz\r\nstolen\r\n0\r\n\r\n`, sound: false }
    case 'no-last':
      return { ...chunked, bytes: chunks(content), sound: false }
  }
}

/** Of growing lengths, with an extension each. */
function chunks(content: string): string {
  let text = ''
  for (let at = 0, length = 1; at < content.length; at += length, length *= 3) {
    const chunk = content.slice(at, at + length)
    text += `${chunk.length.toString(16)};a="b"\r\n${chunk}\r\n`
  }
  return text
}

/** `last`: so many bytes at the end stay together, because what comes behind an answer later is the next one's. */
function split(wire: string, packets: readonly number[] | 'bytes', last: number): Buffer[] {
  const most = Math.max(0, wire.length - last)
  const cuts =
    packets === 'bytes'
      ? Array.from({ length: Math.min(30, most) }, (_, at) => at + 1)
      : packets.map(each => Math.floor((most * each) / 1000)).sort((a, b) => a - b)
  return [0, ...cuts].map((from, n) => Buffer.from(wire.slice(from, cuts[n] ?? wire.length), 'latin1'))
}
