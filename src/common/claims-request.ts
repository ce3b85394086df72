import { microsoftAccountsTenant } from '../gateway/names.ts'
import type { Client } from './authorities.ts'

/** Characters of the longest demand that is kept: it travels in the address of a sign-in. */
const longestDemand = 2048

/**
 * What a claims challenge demands of the next access token, as a claims request (OpenID Connect Core, 5.5) that has only
 * `access_token`. `challenge`: JSON, in base64 as in `WWW-Authenticate` or in clear as in an answer of the token endpoint.
 * `undefined`: nothing that can be asked for. An upstream writes it, so it never says anything about other tokens, nor what
 * the gateway is capable of.
 */
export function demandIn(challenge: string): string | undefined {
  if (challenge.length > 2 * longestDemand) return undefined
  const { access_token: all } = objectIn(textOf(challenge)) ?? {}
  if (!isObject(all)) return undefined
  const { xms_cc: _ours, ...demanded } = all
  const wanted = Object.entries(demanded).filter(([, each]) => each === null || isObject(each))
  const demand = JSON.stringify({ access_token: Object.fromEntries(wanted) })
  return wanted.length === 0 || demand.length > longestDemand ? undefined : demand
}

/**
 * The parameter `claims` of a request for an access token. `capable`: Entra ID is told that claims challenges are
 * understood. `undefined`: there is nothing to ask for.
 */
export function claimsParameter(capable: boolean, demand: string | undefined): string | undefined {
  const checked = demand === undefined ? undefined : demandIn(demand)
  const demanded = checked === undefined ? {} : objectIn(checked)?.['access_token']
  const all = { ...(capable && { xms_cc: { values: ['cp1'] } }), ...(isObject(demanded) && demanded) }
  return Object.keys(all).length === 0 ? undefined : JSON.stringify({ access_token: all })
}

/** Whether this provider is told that the gateway understands claims challenges: the client capability `cp1`. */
export function declaresCapability(
  issuer: string,
  { continuousAccess }: Pick<Client, 'continuousAccess'>,
): boolean {
  return continuousAccess ?? isEntraId(issuer)
}

/** Whether this issuer is Microsoft Entra ID, which knows that capability. Microsoft accounts do not. */
function isEntraId(issuer: string): boolean {
  const url = URL.parse(issuer)
  return url !== null && entraHosts.has(url.hostname) && !url.pathname.includes(microsoftAccountsTenant)
}

const entraHosts: ReadonlySet<string> = new Set([
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.partner.microsoftonline.cn',
  'login.chinacloudapi.cn',
  'sts.windows.net',
])

function textOf(challenge: string): string {
  if (challenge.trimStart().startsWith('{')) return challenge
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(challenge, 'base64'))
  } catch {
    return ''
  }
}

function objectIn(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const read: unknown = JSON.parse(json)
    return isObject(read) ? read : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
