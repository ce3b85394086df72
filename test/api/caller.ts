import type { TokenScope } from '../../src/gateway/api-token.ts'
import type { Lab } from '../self-service/lab.ts'

/** What the API answered. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body, which is always an object. */
  readonly json: Readonly<Record<string, unknown>>
}

export interface Sent {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Calls the API with one token. */
export type Call = (what: string, sent?: Sent) => Promise<Answered>

/** A new token of the lab's store. */
export async function aToken(
  lab: Lab,
  scope: TokenScope,
  name: string = scope,
  endsAt?: number,
): Promise<string> {
  const { administration, registry } = lab.services
  if (administration === undefined) throw new Error('the lab has no API')
  const { password, id, mac } = administration.tokens.make()
  const added = { name, scope, id, mac, ...(endsAt !== undefined && { endsAt }) }
  if ((await registry.addToken('cli:root', added)) !== undefined)
    throw new Error('the token is there already')
  return password.reveal()
}

/** `what`: `GET /accounts`. */
export function callerWith(url: string, token: string | undefined): Call {
  return async (what, { body, headers = {} } = {}) => {
    const [method = '', path = ''] = what.split(' ')
    const answer = await fetch(`${url}/_altgate/api/v1${path}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const json = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
    return { status: answer.status, headers: answer.headers, text, json }
  }
}
