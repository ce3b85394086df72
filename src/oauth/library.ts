import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage as RawRequest } from 'node:http'
import { Socket } from 'node:net'
import type { Configuration, Grant, InteractionResults } from 'oidc-provider'
import { IncomingMessage, ServerResponse } from '../engine/http.ts'
import type { Instant } from '../gateway/names.ts'
import type { OAuthClient } from './clients.ts'
import { deviceGrant } from './metadata.ts'

/** A request to the library. Only what is named here reaches it. */
export interface LibraryRequest {
  readonly method: 'GET' | 'POST'
  /** With the query. */
  readonly path: string
  readonly form?: string
  readonly cookie?: string
  /** What is remembered with a device code, for the page. */
  readonly device?: DeviceInfo
}

/** Where a device code was asked for. None of it is proved. */
export interface DeviceInfo {
  /** As the helper calls its machine; may be empty. */
  readonly name: string
  readonly from: string
  readonly tool: string
  readonly at: Instant
}

export interface LibraryReply {
  readonly status: number
  /** Of a redirect. */
  readonly location: string | undefined
  readonly body: unknown
  /** The grant that it is about. */
  readonly grantId: string | undefined
  /** An error that it shows itself instead of sending the browser back. */
  readonly refusal: string | undefined
}

/** A device code that was found by its user code. */
export interface FoundDevice {
  readonly clientId: string
  /** What the helper said which account it is for. */
  readonly account: string | undefined
  readonly device: DeviceInfo
  allow(subject: string, granted: Granted): Promise<void>
  refuse(): Promise<void>
}

/** oidc-provider, loaded when the first request needs it. It has no port of its own: `ask` gives it requests. */
export interface Library {
  /** Throws what the adapter threw. */
  ask(request: LibraryRequest): Promise<LibraryReply>
  /** The parameters of an authorization request whose user is at the page. */
  interaction(uid: string): Promise<Readonly<Record<string, string | undefined>> | undefined>
  /** Answers it; gives the address to send the browser to, if it was not answered before. */
  allow(uid: string, subject: string, granted: Granted): Promise<string | undefined>
  refuse(uid: string): Promise<string | undefined>
  device(userCode: string): Promise<FoundDevice | undefined>
}

/** Told of a new grant before anything can be exchanged for it. */
type Granted = (grantId: string) => Promise<void>

export interface LibraryOptions {
  readonly issuer: string
  readonly clients: Iterable<OAuthClient>
  readonly adapter: Exclude<Configuration['adapter'], undefined>
  readonly deviceCodes: boolean
  readonly signInLifeSeconds: number
  readonly now: () => Instant
}

/** The only scope: all that a password is for. */
const scope = 'git'

/** Seconds for which codes work. */
const life = { code: 60, device: 600, interaction: 600 } as const

/** A grant ends with its last entry, so the library's own end of it is far away. */
const tenYears = 10 * 365 * 86_400

/** The paths of the library, which no browser sees. */
export const paths = {
  authorization: '/authorize',
  token: '/token',
  device_authorization: '/device_authorization',
  revocation: '/revoke',
} as const

interface Exchange {
  readonly device: DeviceInfo | undefined
  failure: unknown
  refusal: string | undefined
  reply: Omit<LibraryReply, 'refusal'> | undefined
}

/** Loads it and prepares the authorization server. */
export async function openLibrary(options: LibraryOptions): Promise<Library> {
  const { now } = options
  const exchanges = new WeakMap<object, Exchange>()
  const provider = await quietly(async () => {
    const { Provider } = await import('oidc-provider')
    return new Provider(options.issuer, configurationOf(options, exchanges))
  })
  provider.on('server_error', (ctx, error) => {
    const exchange = exchanges.get(ctx.req)
    if (exchange !== undefined) exchange.failure = error
  })
  provider.use(async (ctx, next) => {
    ctx.respond = false
    const exchange = exchanges.get(ctx.req)
    if (exchange === undefined) return
    try {
      await next()
      const { body, response } = ctx
      const location = response.get('location') || undefined
      const { oidc } = ctx as { oidc?: { entities: { Grant?: Grant } } }
      exchange.reply = { status: ctx.status, location, body, grantId: oidc?.entities.Grant?.jti }
    } catch (error) {
      exchange.failure = error
    }
  })
  const handle = provider.callback()

  async function ask(request: LibraryRequest): Promise<LibraryReply> {
    const raw = rawRequest(request)
    const exchange: Exchange = {
      device: request.device,
      failure: undefined,
      refusal: undefined,
      reply: undefined,
    }
    exchanges.set(raw, exchange)
    await handle(raw, new ServerResponse(raw))
    if (exchange.failure !== undefined) throw exchange.failure
    if (exchange.reply === undefined) throw new Error('the authorization library gave no reply')
    return { ...exchange.reply, refusal: exchange.refusal }
  }

  async function grantFor(clientId: string, accountId: string, granted: Granted): Promise<string> {
    const grant = new provider.Grant({ accountId, clientId })
    grant.addOIDCScope(scope)
    const grantId = await grant.save()
    await granted(grantId)
    return grantId
  }

  /** As if the browser had brought the cookies of the library back. */
  async function finish(uid: string, result: InteractionResults): Promise<string | undefined> {
    const cookie = `${provider.cookieName('interaction')}=${uid}; ${provider.cookieName('resume')}=${uid}`
    const raw = rawRequest({ method: 'GET', path: paths.authorization, cookie })
    await provider.interactionResult(raw, new ServerResponse(raw), result)
    return (await ask({ method: 'GET', path: `${paths.authorization}/${uid}`, cookie })).location
  }

  return {
    ask,

    async interaction(uid) {
      const found = await provider.Interaction.find(uid)
      // Each was given once, as text.
      return found?.params as Readonly<Record<string, string | undefined>> | undefined
    },

    async allow(uid, accountId, granted) {
      const found = await provider.Interaction.find(uid)
      if (found === undefined) return undefined
      const grantId = await grantFor(String(found.params['client_id']), accountId, granted)
      return await finish(uid, { login: { accountId }, consent: { grantId } })
    },

    async refuse(uid) {
      if ((await provider.Interaction.find(uid)) === undefined) return undefined
      return await finish(uid, { error: 'access_denied', error_description: 'the user did not agree' })
    },

    async device(userCode) {
      const code = await provider.DeviceCode.findByUserCode(userCode)
      if (code === undefined || code.grantId !== undefined || code.error !== undefined) return undefined
      const { clientId = '', params, deviceInfo } = code
      const account = params?.['account']
      return {
        clientId,
        account: typeof account === 'string' ? account : undefined,
        device: deviceInfo as unknown as DeviceInfo, // given to `ask`
        async allow(accountId, granted) {
          const grantId = await grantFor(clientId, accountId, granted)
          Object.assign(code, { accountId, grantId, scope, authTime: Math.floor(now() / 1000) })
          await code.save()
        },
        async refuse() {
          Object.assign(code, { error: 'access_denied', errorDescription: 'the user did not agree' })
          await code.save()
        },
      }
    },
  }
}

function configurationOf(
  { clients, adapter, deviceCodes, signInLifeSeconds }: LibraryOptions,
  exchanges: WeakMap<object, Exchange>,
): Configuration {
  return {
    adapter,
    clients: [...clients].map(({ id, name, redirectUris }) => ({
      client_id: id,
      client_name: name,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: [...redirectUris],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', ...(deviceCodes ? [deviceGrant] : [])],
    })),
    // Nothing is signed, but the library must have a key.
    jwks: { keys: [{ ...signingKey(), use: 'sig' }] },
    scopes: [scope],
    claims: {},
    responseTypes: ['code'],
    clientAuthMethods: ['none'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    extraParams: ['account', 'who'],
    routes: paths,
    cookies: { short: { signed: false }, long: { signed: false } },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    revokeGrantPolicy: () => true,
    clientBasedCORS: () => false,
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: ({ oidc }) => {
      const grantId = oidc.result?.consent?.grantId
      return grantId === undefined ? undefined : oidc.provider.Grant.find(grantId)
    },
    renderError({ req }, { error, error_description: description }) {
      const exchange = exchanges.get(req)
      if (exchange !== undefined) exchange.refusal = description ?? error
    },
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: life.code,
      DeviceCode: life.device,
      Grant: tenYears,
      Interaction: life.interaction,
      RefreshToken: signInLifeSeconds,
      Session: life.interaction,
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: { enabled: false },
      revocation: {
        enabled: true,
        allowedPolicy: (_, { clientId }, token) => token.clientId === clientId,
      },
      deviceFlow: {
        enabled: deviceCodes,
        charset: 'base-20',
        mask: '****-****',
        deviceInfo: ({ req }) => ({ ...exchanges.get(req)?.device }),
      },
    },
  }
}

function signingKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
}

function rawRequest({ method, path, form, cookie }: LibraryRequest): RawRequest {
  const raw = new IncomingMessage(new Socket())
  raw.method = method
  raw.url = path
  raw.headers = {
    host: 'library.invalid',
    accept: 'application/json',
    ...(cookie !== undefined && { cookie }),
    ...(form !== undefined && {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(form)),
    }),
  }
  if (form !== undefined) raw.push(form)
  raw.push(null)
  return raw
}

/** The library writes to the console, where the log is, that it does not know this version of Node. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console
  Object.assign(console, { info() {}, warn() {} })
  try {
    return await work()
  } finally {
    Object.assign(console, { info, warn })
  }
}
