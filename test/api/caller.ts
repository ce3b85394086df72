import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Test } from 'tap'
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
    const isJson = /^application\/(?:problem\+)?json/.test(answer.headers.get('content-type') ?? '')
    const json = isJson && text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}
    return { status: answer.status, headers: answer.headers, text, json }
  }
}

/** The same call, which fails the test if the answer is not as the OpenAPI document says. */
export function checkedBy(t: Test, document: Readonly<Record<string, unknown>>, call: Call): Call {
  const ajv = new Ajv2020({ strict: false })
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  ajv.addSchema(document, 'document')
  const paths = document['paths'] as Record<string, Record<string, object>>
  return async (what, sent) => {
    const [method = '', path = ''] = what.split(' ')
    const plain = `/_altgate/api/v1${path.split('?', 1)[0]}`
    const found = Object.keys(paths)
      .filter(each => new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(plain))
      .toSorted((one, other) => one.split('{').length - other.split('{').length)
    const pointer = (text: string) =>
      text.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')
    const answered: Answered = await call(what, sent)
    const status = answered.status === 200 ? '200' : 'default'
    const type = status === '200' ? 'application~1json' : 'application~1problem+json'
    const schema = `document#/paths/${pointer(found[0] ?? '')}/${method.toLowerCase()}/responses/${status}/content/${type}/schema`
    const isValid = ajv.validate({ $ref: schema }, answered.json)
    t.ok(isValid, `${what}: ${ajv.errorsText()} ${answered.text}`)
    return answered
  }
}
