import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Instant } from '../gateway/names.ts'
import { isUnencoded } from '../requests/bodies.ts'
import type { AddressMapping } from './addresses.ts'
import { Exchange, type ExchangeEvents, joined } from './exchange.ts'
import type { AnswerHead } from './guarded-handler.ts'
import type { ActionPlaces } from './lfs.ts'

/** What is needed to rewrite an answer to a batch request. */
interface BatchTerms {
  /** Finds the addresses that lead to the gateway. */
  readonly places: ActionPlaces
  /** Seals an `Authorization` that the upstream issued for the action at this path. */
  readonly seal: (authorization: string, path: string, until: Instant) => string
  /** Whether the value of a header holds the credential that the gateway has sent with the request. */
  readonly isOurs: (value: string) => boolean
  readonly now: Instant
  /** Seconds for which an action is valid if the upstream does not say. */
  readonly actionSeconds: number
}

/** The header in which an action carries the `Authorization` that the upstream issued for it. */
export const upstreamAuthorization = 'X-Altgate-Upstream-Authorization'

/**
 * Rewrites the body of a batch answer (git-lfs/docs/api/batch.md) for clients of the gateway; `undefined` if no change is
 * needed, or if it is not a batch answer. For an action that leads to the gateway, the client must present its own
 * credential: `authenticated` would make git-lfs retry without one for ever, and an `Authorization` of the upstream would
 * be sent instead. Actions that lead elsewhere, and unknown members, are not touched.
 */
export function inGatewayTerms(body: Buffer, terms: BatchTerms): string | undefined {
  const answer = parsed(body)
  if (!isRecord(answer) || !Array.isArray(answer['objects'])) return undefined
  let changed = false
  for (const object of answer['objects'] as readonly unknown[])
    if (isRecord(object) && rewriteObject(object, terms)) changed = true
  return changed ? written(answer) : undefined
}

type Json = Record<string, unknown>

/** Returns whether it was changed. */
function rewriteObject(object: Json, terms: BatchTerms): boolean {
  let isHere = false
  let changed = false
  // `_links` is the name of `actions` before git-lfs 1.3, and still supported.
  for (const actions of [object['actions'], object['_links']]) {
    if (!isRecord(actions)) continue
    // A custom transfer may have lists of actions, such as the parts of a large upload.
    for (const action of Object.values(actions).flat() as readonly unknown[]) {
      if (!isRecord(action)) continue
      if (removeOurs(action, terms)) changed = true
      if (typeof action['href'] !== 'string') continue
      const place = terms.places(action['href'])
      if (place === undefined) continue
      isHere = true
      if (place.href !== action['href']) {
        action['href'] = place.href
        changed = true
      }
      if (rewriteHeader(action, place, terms)) changed = true
    }
  }
  // It applies to all actions of the object. Actions at signed storage do not need it.
  if (!isHere || !object['authenticated']) return changed
  delete object['authenticated']
  return true
}

/**
 * Servers write the `Authorization` of the batch request into its actions. The credential of the gateway, or the user's
 * access token, is not for clients, nor for where the action leads.
 */
function removeOurs(action: Json, { isOurs }: BatchTerms): boolean {
  const { header } = action
  if (!isRecord(header)) return false
  const names = Object.entries(header).flatMap(([name, value]) =>
    typeof value === 'string' && isOurs(value) ? [name] : [],
  )
  for (const name of names) delete header[name]
  return names.length > 0
}

function rewriteHeader(
  action: Json,
  { path, authorization: inAddress }: { readonly path: string; readonly authorization: string | undefined },
  terms: BatchTerms,
): boolean {
  const header = isRecord(action['header']) ? action['header'] : {}
  const names = Object.keys(header).filter(name => sealedHere.has(name.toLowerCase()))
  const own = names.find(name => name.toLowerCase() === 'authorization')
  const authorization = own === undefined ? inAddress : header[own]
  for (const name of names) delete header[name]
  if (typeof authorization !== 'string' || authorization === '') return names.length > 0
  // Neither git-lfs nor undici would send a value with control characters.
  if (!/\p{Cc}/u.test(authorization))
    header[upstreamAuthorization] = terms.seal(authorization, path, endOf(action, terms))
  action['header'] = header
  return true
}

/** Headers of an action that only the gateway may set. */
const sealedHere = new Set(['authorization', upstreamAuthorization.toLowerCase()])

/** As git-lfs reads it: `expires_in` wins over `expires_at`, and Go writes zero for an unset value. */
function endOf(action: Json, { now, actionSeconds }: BatchTerms): Instant {
  const seconds = action['expires_in']
  if (typeof seconds === 'number' && seconds !== 0) return now + seconds * 1000
  const at = typeof action['expires_at'] === 'string' ? Date.parse(action['expires_at']) : Number.NaN
  return at > 0 ? at : now + actionSeconds * 1000
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `undefined` for anything but JSON in UTF-8. */
function parsed(body: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    return wouldChange.test(text) ? JSON.parse(text, withNumbersAsWritten) : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `undefined` if it is nested too deeply to be serialized. */
function written(answer: Json): string | undefined {
  try {
    return JSON.stringify(answer)
  } catch {
    return undefined
  }
}

/** Matches numbers that `JSON.parse` and `JSON.stringify` might not preserve. */
const wouldChange = /[:[,]\s*-?(?:\d{16}|\d+[.eE]|0\s*[,\]}])/

function withNumbersAsWritten(
  _key: string,
  value: unknown,
  { source }: { readonly source?: string },
): unknown {
  return typeof value === 'number' && source !== undefined && source !== String(value)
    ? JSON.rawJSON(source)
    : value
}

declare global {
  /** ECMAScript 2026, which the compiler's library does not have yet. */
  interface JSON {
    parse(text: string, reviver: typeof withNumbersAsWritten): unknown
    rawJSON(text: string): object
  }
}

/** Rewrites the body of a batch answer; `undefined`: it stays as it is. */
type Understand = (body: Buffer) => string | undefined

/** Longest batch answer that is parsed: git-lfs asks for 100 objects at a time, which take 50 to 400 KiB. */
const mostBytes = 8 * 2 ** 20

/**
 * A batch request of git-lfs at an upstream. Its answer is buffered until it is complete, because its length may change.
 * An answer that is not a batch answer, or too long, is passed on unchanged.
 */
export class BatchExchange extends Exchange {
  readonly #understand: Understand
  /** The head of the answer that is being buffered. */
  #kept: AnswerHead | undefined
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(
    response: ServerResponse,
    mapping: AddressMapping,
    events: ExchangeEvents,
    understand: Understand,
  ) {
    super(response, mapping, events)
    this.#understand = understand
  }

  protected override begin(head: AnswerHead): void {
    if (isBatchAnswer(head)) this.#kept = head
    else super.begin(head)
  }

  protected override take(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#kept === undefined) return super.take(controller, chunk)
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > mostBytes) this.#goOn(this.#kept, controller, this.#chunks.splice(0))
  }

  protected override finish(): void {
    if (this.#kept !== undefined) this.#finish(this.#kept)
    super.finish()
  }

  /** The answer is complete, so its body must no longer pause the upstream connection. */
  #finish(head: AnswerHead): void {
    const whole = Buffer.concat(this.#chunks.splice(0))
    const controller = detached(head.controller)
    const understood = this.#understand(whole)
    if (understood === undefined) return this.#goOn(head, controller, [whole])
    const body = Buffer.from(understood)
    this.#goOn(withLength(head, body.length), controller, [body])
  }

  /** Sends what was buffered; the rest follows unbuffered. */
  #goOn(head: AnswerHead, controller: Dispatcher.DispatchController, chunks: readonly Buffer[]): void {
    this.#kept = undefined
    super.begin(head)
    for (const chunk of chunks) if (chunk.length > 0) super.take(controller, chunk)
  }
}

function isBatchAnswer({ status, headers }: AnswerHead): boolean {
  const { 'content-type': type, 'content-encoding': coding = 'identity', 'content-length': length } = headers
  return (
    status === 200 &&
    typeof type === 'string' &&
    /^\s*application\/(?:vnd\.git-lfs\+)?json\s*(?:;|$)/i.test(type) &&
    coding === 'identity' &&
    isUnencoded(joined(headers['transfer-encoding']) ?? 'identity') &&
    !(Number(length) > mostBytes)
  )
}

/** The same head for another body. */
function withLength(head: AnswerHead, bytes: number): AnswerHead {
  const length = String(bytes)
  return {
    ...head,
    headers: { ...head.headers, 'content-length': length },
    raw: [...head.raw.filter(isStillTrue), 'Content-Length', length],
  }
}

/** Headers that describe the original body. */
const ofTheBody = new Set([
  'content-length',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'etag',
])

/** A filter for a list of names and values. */
function isStillTrue(_: string, at: number, raw: readonly string[]): boolean {
  return !ofTheBody.has(raw[at - (at % 2)]?.toLowerCase() ?? '')
}

/** A controller that cannot pause, for a body that was already read. */
function detached(controller: Dispatcher.DispatchController): Dispatcher.DispatchController {
  const { aborted, reason } = controller
  return { aborted, paused: false, reason, abort: why => controller.abort(why), pause() {}, resume() {} }
}
