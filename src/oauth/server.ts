import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import type { Instant } from '../gateway/names.ts'
import type { OAuthStore } from '../gateway/oauth.ts'
import { clientsWith, type OAuthClient } from './clients.ts'
import { answered, createExchange, type EndpointReply, type Parameters, pollSeconds } from './exchange.ts'
import { createAdapter } from './kept.ts'
import { type DeviceInfo, type Library, openLibrary, paths } from './library.ts'
import { metadataOf } from './metadata.ts'
import { type Agreement, createGrantPasswords, type GrantRegistry, type Lives } from './passwords.ts'

/** A valid authorization request, or what to do with an invalid one. */
export type Begun =
  | { readonly uid: string; readonly client: OAuthClient }
  /** The helper is told. */
  | { readonly location: string }
  /** Only the user can be told, because the request does not name a helper and a place to return to that are known. */
  | { readonly refusal: string }

/** A helper on another device that waits for its user. */
export interface WaitingDevice {
  readonly client: OAuthClient
  readonly account: string | undefined
  /** What is known of the device: none of it is proved. */
  readonly device: DeviceInfo
  allow(who: string, agreement: Omit<Agreement, 'client'>): Promise<void>
  refuse(): Promise<void>
}

/**
 * The authorization server for credential helpers (RFC 6749, 7636, 8628, 7009). Its access tokens are passwords of the
 * user's set. All methods throw `Outage`.
 */
export interface AuthorizationServer {
  readonly issuer: string
  readonly deviceCodes: boolean
  clientNamed(id: string): OAuthClient | undefined
  /** RFC 8414. */
  readonly metadata: Readonly<Record<string, unknown>>
  token(form: Parameters): Promise<EndpointReply>
  authorizeDevice(form: Parameters, device: DeviceInfo): Promise<EndpointReply>
  revoke(form: Parameters): Promise<EndpointReply>
  /** Reads an authorization request. `who`: the user, who alone may answer it. */
  begin(query: Parameters, who: string): Promise<Begun>
  /** The address to send the browser to; `undefined`: too late, answered already, or not this user's. */
  allow(uid: string, who: string, agreement: Omit<Agreement, 'client'>): Promise<string | undefined>
  refuse(uid: string, who: string): Promise<string | undefined>
  /** By the code that a user entered, in any spelling. */
  findDevice(userCode: string): Promise<WaitingDevice | undefined>
}

export interface AuthorizationServerParts {
  readonly store: OAuthStore
  readonly registry: GrantRegistry
  readonly generated: GeneratedPasswords
  readonly publicUrl: string
  readonly issuer: string
  readonly lives: Lives
  readonly deviceCodes: boolean
  readonly clients: readonly OAuthClient[]
  readonly now: () => Instant
  /** The clock by which polls are counted. */
  readonly steadyNow: () => Instant
}

export function createAuthorizationServer(parts: AuthorizationServerParts): AuthorizationServer {
  const { store, publicUrl, issuer, lives, deviceCodes, now } = parts
  const clients = clientsWith(parts.clients)
  const grants = createGrantPasswords(parts)
  let opening: Promise<Library> | undefined
  const library = (): Promise<Library> =>
    (opening ??= openLibrary({
      issuer,
      clients: clients.values(),
      adapter: createAdapter({ store, accessTokens: grants, now }),
      deviceCodes,
      signInLifeSeconds: lives.signInMs / 1000,
      now,
    }).catch((error: unknown) => {
      opening = undefined // the next request tries again
      throw error
    }))

  async function post(path: string, form: Parameters, device?: DeviceInfo) {
    const text = new URLSearchParams([...form]).toString()
    return await (await library()).ask({ method: 'POST', path, form: text, ...(device && { device }) })
  }

  async function answer(
    uid: string,
    who: string,
    agreement?: Omit<Agreement, 'client'>,
  ): Promise<string | undefined> {
    const open = await library()
    const asked = await open.interaction(uid)
    const client = clients.get(asked?.['client_id'] ?? '')
    if (client === undefined || asked?.['who'] !== who) return undefined
    if (agreement === undefined) return await open.refuse(uid)
    return await open.allow(uid, who, grantId =>
      grants.agreed(grantId, { ...agreement, client: client.name }),
    )
  }

  return {
    issuer,
    deviceCodes,
    clientNamed: id => clients.get(id),
    metadata: metadataOf(issuer, publicUrl, deviceCodes),

    token: createExchange({ ...parts, grants, ask: form => post(paths.token, form) }),

    async authorizeDevice(form, device) {
      if (!deviceCodes) return { status: 400, body: { error: 'unauthorized_client' } }
      const asked = new Map([['scope', 'git']])
      for (const name of ['client_id', 'account']) {
        const value = form.get(name)
        if (value !== undefined) asked.set(name, value)
      }
      const { status, body } = await post(paths.device_authorization, asked, device)
      if (status !== 200) return answered({ status, body })
      const { user_code: userCode, ...rest } = body as { readonly user_code: string }
      const page = `${publicUrl}/_altgate/device`
      return {
        status,
        body: {
          ...rest,
          user_code: userCode,
          verification_uri: page,
          verification_uri_complete: `${page}?user_code=${userCode}`,
          interval: pollSeconds,
        },
      }
    },

    revoke: async form => answered(await post(paths.revocation, form)),

    async begin(query, who) {
      const asked = new Map([
        ['who', who],
        ['scope', 'git'],
      ])
      for (const name of forwarded) {
        const value = query.get(name)
        if (value !== undefined) asked.set(name, value)
      }
      const path = `${paths.authorization}?${new URLSearchParams([...asked]).toString()}`
      const { location, refusal } = await (await library()).ask({ method: 'GET', path })
      const client = clients.get(query.get('client_id') ?? '')
      const uid = /^\/interaction\/([\w-]+)$/.exec(location ?? '')?.[1]
      if (uid !== undefined && client !== undefined) return { uid, client }
      return location === undefined ? { refusal: refusal ?? 'it is not valid' } : { location }
    },

    allow: answer,
    refuse: (uid, who) => answer(uid, who),

    async findDevice(typed) {
      const userCode = typed.toUpperCase().replace(/[^A-Z]/g, '')
      if (!deviceCodes || userCode.length !== 8) return undefined
      const found = await (await library()).device(userCode)
      const client = clients.get(found?.clientId ?? '')
      if (found === undefined || client === undefined) return undefined
      return {
        client,
        account: found.account,
        device: found.device as unknown as DeviceInfo, // what `authorizeDevice` was given
        allow: (who, agreement) =>
          found.allow(who, grantId => grants.agreed(grantId, { ...agreement, client: client.name })),
        refuse: () => found.refuse(),
      }
    },
  }
}

/** What of an authorization request matters here; everything else of OpenID Connect is ignored. */
const forwarded = [
  'response_type',
  'response_mode',
  'client_id',
  'redirect_uri',
  'state',
  'code_challenge',
  'code_challenge_method',
] as const
