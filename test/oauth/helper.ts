import { createHash, randomBytes } from 'node:crypto'
import { Browser, type Seen } from '../self-service/browser.ts'
import { fillIn, type Lab } from '../self-service/lab.ts'

/** What an endpoint answered. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

/** Sends a form to an endpoint, as helpers do. */
export async function post(
  url: string,
  fields: Readonly<Record<string, string>> | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const answer = await fetch(url, {
    method: 'POST',
    body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
  const text = await answer.text()
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === '' ? {} : (JSON.parse(text) as Answered['body']),
  }
}

/** The token endpoint. */
export async function token(url: string, fields: Readonly<Record<string, string>>): Promise<Answered> {
  return await post(`${url}/_altgate/oauth/token`, fields)
}

export async function refresh(url: string, refreshToken: unknown, client = gcm): Promise<Answered> {
  return await token(url, {
    grant_type: 'refresh_token',
    refresh_token: String(refreshToken),
    client_id: client,
  })
}

export const gcm = 'git-credential-manager'
export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** An authorization request, and what is needed to exchange its code. */
export interface Asked {
  readonly url: string
  readonly verifier: string
  readonly state: string
  readonly redirectUri: string
}

/** The address that a helper opens. `fields`: in addition, or `undefined` to leave one out. */
export function authorizeAt(
  url: string,
  account: string,
  fields: Readonly<Record<string, string | undefined>> = {},
): Asked {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const query = {
    response_type: 'code',
    client_id: gcm,
    state,
    code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    redirect_uri: 'http://127.0.0.1:49321/',
    ...fields,
  }
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const path = account === '' ? '' : `/${account}`
  return {
    url: `${url}/_altgate/oauth/authorize${path}?${new URLSearchParams(given).toString()}`,
    verifier,
    state,
    redirectUri: query.redirect_uri ?? '',
  }
}

/** Opens an address that needs a sign-in, and signs in on the way. */
export async function openSignedIn(browser: Browser, url: string, who = 'anna'): Promise<Seen> {
  const first = await browser.go(url)
  const link = linkIn(first.text)
  if (link === undefined || !link.includes('/sign-in')) return first
  const form = await browser.go(new URL(link, first.url).href)
  return form.text.includes('name="password"') && form.url.includes('/interaction/')
    ? await fillIn(browser, form, who)
    : form
}

/** The main link of a page. */
export function linkIn(text: string): string | undefined {
  return /class="button" href="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&').replaceAll('&#39;', "'")
}

/** Where a page sends the browser. */
export function leadsTo(seen: Seen): URL {
  const to = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(seen.text)?.[1]
  if (to === undefined) throw new Error(`it leads nowhere: ${seen.text}`)
  return new URL(to.replaceAll('&amp;', '&').replaceAll('&#39;', "'"))
}

/** Agrees to what a helper asks, and gives the code that it gets. */
export async function codeFor(
  lab: Pick<Lab, 'url'>,
  asked: Asked,
  who = 'anna',
  browser = new Browser(),
): Promise<string> {
  const page = await openSignedIn(browser, asked.url, who)
  const back = leadsTo(
    await browser.send(page, '/oauth/consent', { answer: 'yes', name: `laptop of ${who}` }),
  )
  const code = back.searchParams.get('code')
  if (code === null) throw new Error(`${lab.url}: no code in ${back.href}`)
  return code
}

/** What a helper has in the end. */
export async function tokensFor(
  lab: Pick<Lab, 'url'>,
  account: string,
  who = 'anna',
  client = gcm,
): Promise<Answered> {
  const asked = authorizeAt(lab.url, account, { client_id: client })
  const code = await codeFor(lab, asked, who)
  return await exchange(lab.url, asked, code, client)
}

export async function exchange(url: string, asked: Asked, code: string, client = gcm): Promise<Answered> {
  return await token(url, {
    grant_type: 'authorization_code',
    code,
    code_verifier: asked.verifier,
    client_id: client,
    redirect_uri: asked.redirectUri,
  })
}
