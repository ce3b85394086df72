import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Instant } from '../gateway/names.ts'
import type { OAuthStore } from '../gateway/oauth.ts'
import { seal, unseal } from '../gateway/sealed.ts'
import { codesStay, keyOf, payloadOf } from './kept.ts'
import type { LibraryReply } from './library.ts'
import { deviceGrant } from './metadata.ts'
import type { GrantPasswords } from './passwords.ts'

/** The parameters of a request, each given once. */
export type Parameters = ReadonlyMap<string, string>

/** What an endpoint answers, as JSON. */
export interface EndpointReply {
  readonly status: number
  /** Left out: the body is empty. */
  readonly body?: Readonly<Record<string, unknown>>
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number
}

interface ExchangeParts {
  readonly store: OAuthStore
  readonly grants: GrantPasswords
  /** The token endpoint of the library. */
  readonly ask: (form: Parameters) => Promise<LibraryReply>
  readonly now: () => Instant
  /** The clock by which polls are counted. */
  readonly steadyNow: () => Instant
}

/** Seconds between two polls of a device. */
export const pollSeconds = 5

/** Milliseconds by which a poll may be early: networks delay them unevenly. */
const pollSlackMs = 1000

/** Devices whose last poll is remembered. */
const mostPolls = 10_000

/** Milliseconds in which the same refresh token gets the same answer, which may have been lost on the way. */
const replyMs = 60_000

/** Milliseconds after which a process that exchanges a token is taken for dead. */
const turnMs = 15_000

/** Milliseconds for which a second request waits for the first one that exchanges the same token. */
const turnPatienceMs = 5000

/** What each kind of request exchanges for a password. */
const sources: ReadonlyMap<string, { readonly kind: string; readonly parameter: string }> = new Map([
  ['authorization_code', { kind: 'AuthorizationCode', parameter: 'code' }],
  ['refresh_token', { kind: 'RefreshToken', parameter: 'refresh_token' }],
  [deviceGrant, { kind: 'DeviceCode', parameter: 'device_code' }],
])

/**
 * The token endpoint: a code or a refresh token is exchanged for a password. The library checks it; here it is used up, by
 * one request of all gateways, and only when the password is there.
 */
export function createExchange({
  store,
  grants,
  ask,
  now,
  steadyNow,
}: ExchangeParts): (form: Parameters) => Promise<EndpointReply> {
  const polls = new LRUCache<string, { readonly at: Instant; count: number }>(atMost(mostPolls))

  /** Exchanges a code or token. Only what succeeded uses it up. */
  async function exchange(form: Parameters, kind: string, id: string): Promise<EndpointReply> {
    const kept = kind === 'RefreshToken' && (await keptReply(form, id))
    if (kept) return kept
    const reply = await ask(kind === 'AuthorizationCode' ? await readVerifier(form, id) : form)
    const { grantId } = reply
    if (reply.status !== 200 || grantId === undefined) return answered(reply)
    const given = await grants.give(grantId, form.get('client_id') ?? '')
    if (typeof given === 'string') return invalidGrant(given)
    // Another process has used it, although it was not its turn.
    if (!(await store.use(keyOf(kind, id)))) {
      await grants.takeBack(grantId)
      return invalidGrant('it was used twice')
    }
    const { refresh_token: refreshToken } = reply.body as { readonly refresh_token?: string }
    const body = {
      access_token: given.password.reveal(),
      token_type: 'Bearer',
      expires_in: Math.floor((given.endsAt - now()) / 1000),
      refresh_token: refreshToken,
      scope: 'git',
      username: given.username,
    }
    if (kind === 'RefreshToken') await keepReply(id, grantId, { status: 200, body })
    return { status: 200, body }
  }

  async function keptReply(form: Parameters, id: string): Promise<EndpointReply | undefined> {
    const entry = await store.find(keyOf('reply', id))
    const text = entry && unseal(replyKey(id), entry.data, form.get('client_id') ?? '')
    return text && (JSON.parse(text.toString()) as EndpointReply) // only `keepReply` can have sealed it
  }

  async function keepReply(id: string, grantId: string, reply: EndpointReply): Promise<void> {
    const token = await store.find(keyOf('RefreshToken', id))
    const clientId = (token && payloadOf(token).clientId) ?? ''
    await store.set(keyOf('reply', id), {
      data: seal(replyKey(id), JSON.stringify(reply), clientId),
      expiresAt: now() + replyMs,
      grant: keyOf('Grant', grantId),
    })
  }

  /**
   * git-credential-oauth 0.4, which Debian 12 has, sends its verifier in base64 with `+`, `/` and `=`, which RFC 7636, 4.1
   * does not allow and the library refuses. If the challenge was made of it, both are replaced by a form that it takes.
   */
  async function readVerifier(form: Parameters, code: string): Promise<Parameters> {
    const verifier = form.get('code_verifier') ?? ''
    if (!/^[A-Za-z0-9+/]{43}=$/.test(verifier)) return form
    const key = keyOf('AuthorizationCode', code)
    const entry = await store.find(key)
    const payload = entry && payloadOf(entry)
    if (payload?.codeChallenge !== challengeOf(verifier)) return form
    const { grantId = '', exp = 0 } = payload
    const allowed = Buffer.from(verifier, 'base64').toString('base64url')
    await store.set(key, {
      data: JSON.stringify({ ...payload, codeChallenge: challengeOf(allowed) }),
      expiresAt: exp * 1000 + codesStay,
      grant: keyOf('Grant', grantId),
    })
    return new Map([...form, ['code_verifier', allowed]])
  }

  /** One request at a time exchanges a token, at all gateways. */
  async function inTurn(key: string, work: () => Promise<EndpointReply>): Promise<EndpointReply> {
    const turn = keyOf('turn', key)
    const until = steadyNow() + turnPatienceMs
    while (!(await store.add(turn, { data: '', expiresAt: now() + turnMs }))) {
      if (steadyNow() > until)
        return { status: 503, body: { error: 'temporarily_unavailable' }, retryAfter: 1 }
      await setTimeout(100)
    }
    try {
      return await work()
    } finally {
      // If the store is down, the turn ends by itself.
      await store.delete(turn).catch(() => {})
    }
  }

  /**
   * Whether a device polls sooner than it may. Two at once are one: Go's OAuth library repeats each request that fails with
   * the client id elsewhere.
   */
  function isEarly(key: string): boolean {
    const last = polls.get(key)
    if (last === undefined || steadyNow() - last.at >= pollSeconds * 1000 - pollSlackMs) {
      polls.set(key, { at: steadyNow(), count: 1 })
      return false
    }
    last.count += 1
    return last.count > 2
  }

  return async form => {
    const source = sources.get(form.get('grant_type') ?? '')
    const id = source && form.get(source.parameter)
    if (source === undefined || id === undefined) return answered(await ask(form))
    const { kind } = source
    const key = keyOf(kind, id)
    const entry = await store.find(key)
    const { grantId, error } = entry === undefined ? {} : payloadOf(entry)
    if (
      kind === 'DeviceCode' &&
      entry !== undefined &&
      grantId === undefined &&
      error === undefined &&
      isEarly(key)
    )
      return { status: 400, body: { error: 'slow_down' } }
    // Unknown or not agreed to yet: there is nothing to exchange.
    if (entry === undefined || grantId === undefined) return answered(await ask(form))
    return await inTurn(key, async () => {
      if (!(await grants.holds(grantId))) return invalidGrant('it was revoked or switched off')
      return await exchange(form, kind, id)
    })
  }
}

/** A reply of the library, without what belongs to the library alone. */
export function answered({
  status,
  body,
}: {
  readonly status: number
  readonly body: unknown
}): EndpointReply {
  const isJson = typeof body === 'object' && body !== null
  return isJson ? { status, body: { ...body } } : { status }
}

function invalidGrant(description: string): EndpointReply {
  return { status: 400, body: { error: 'invalid_grant', error_description: description } }
}

function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

/** Only the holder of the refresh token can open the answer to it. */
function replyKey(refreshToken: string): Buffer {
  return createHash('sha256').update(`altgate oauth reply 1 ${refreshToken}`).digest()
}
