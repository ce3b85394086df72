import { createHash, randomBytes } from 'node:crypto'
import { people, type Person } from '../../src/demo/identity-pages.ts'
import { demoClient, type IdentityProvider } from '../../src/demo/identity-provider.ts'
import { Browser, headingOf, type Seen } from '../self-service/browser.ts'

/** What a token endpoint answers. */
export interface TokenAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

/** Where the provider of a test sends browsers back to; nothing listens there. */
export const redirectUri = 'http://127.0.0.1:9/_altgate/callback'

export const azureDevOpsScope = '499b84ac-1321-427f-aa17-267ca6975798/.default'

/** Signs in at an authority as a client of it does, gives the consent, and redeems the code. */
export async function tokensFrom(
  identity: IdentityProvider,
  authority: string,
  {
    scope = `openid profile offline_access ${azureDevOpsScope}`,
    who = 'anna',
    as = demoUser(who),
    browser = new Browser(),
  } = {},
): Promise<TokenAnswer> {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: demoClient.id,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  let seen = await browser.ask(`${identity.issuers.get(authority)}/auth?${query.toString()}`)
  for (let steps = 0; steps < 20 && !isBack(seen); steps += 1) seen = await step(browser, seen, as)
  const code = new URL(seen.headers.get('location') ?? '').searchParams.get('code') ?? ''
  return await askForTokens(identity, authority, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  })
}

/** Renews with a refresh token. */
export async function renew(
  identity: IdentityProvider,
  authority: string,
  refreshToken: unknown,
): Promise<TokenAnswer> {
  return await askForTokens(identity, authority, {
    grant_type: 'refresh_token',
    refresh_token: String(refreshToken),
    scope: `openid profile offline_access ${azureDevOpsScope}`,
  })
}

function isBack({ headers }: Seen): boolean {
  return headers.get('location')?.startsWith(redirectUri) === true
}

type User = Pick<Person, 'email' | 'password'>

function demoUser(who: string): User {
  const user = `${who}@example.com`
  return { email: user, password: people.find(({ email }) => email === user)?.password ?? '' }
}

/** Follows one redirect, or fills in one form. No redirect is followed to the gateway, which is not there. */
async function step(browser: Browser, seen: Seen, { email: login, password }: User): Promise<Seen> {
  const location = seen.headers.get('location')
  if (location !== null) return await browser.ask(new URL(location, seen.url).href)
  const isConsent = headingOf(seen.text) === 'Permissions requested'
  const body = new URLSearchParams(isConsent ? { accept: 'yes' } : { login, password }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return await browser.ask(seen.url, { method: 'POST', headers, body })
}

async function askForTokens(
  identity: IdentityProvider,
  authority: string,
  fields: Readonly<Record<string, string>>,
): Promise<TokenAnswer> {
  const body = new URLSearchParams({
    ...fields,
    client_id: demoClient.id,
    client_secret: demoClient.secret,
  })
  const answer = await fetch(`${identity.issuers.get(authority)}/token`, { method: 'POST', body })
  const text = await answer.text()
  const { status, headers } = answer
  return { status, headers, body: text === '' ? {} : (JSON.parse(text) as TokenAnswer['body']) } // JSON (RFC 6749, 5.1)
}
