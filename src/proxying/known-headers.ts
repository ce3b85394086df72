import { remembered } from '../engine/memory.ts'

/** The headers of an answer that the gateway looks at. Our own leg gathers no others. */
const none = {
  'cache-control': undefined,
  connection: undefined,
  'content-encoding': undefined,
  'content-length': undefined,
  'content-type': undefined,
  'keep-alive': undefined,
  location: undefined,
  'transfer-encoding': undefined,
  'www-authenticate': undefined,
  'x-tfs-fedauthissuer': undefined,
  'x-tfs-fedauthredirect': undefined,
} as const

type KnownName = keyof typeof none

/** By their names in lower case; repeated ones as lists. */
export type KnownHeaders = Partial<Record<KnownName, string | string[] | undefined>>

/** One look at each name, and an object that always has the same fields, so that V8 finds them without searching. */
export function knownOf(raw: readonly string[]): KnownHeaders {
  const headers: KnownHeaders = { ...none }
  for (let at = 0; at < raw.length; at += 2) {
    const name = known(raw[at] ?? '')
    if (name === null) continue
    const value = raw[at + 1] ?? ''
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (typeof before === 'string') headers[name] = [before, value]
    else before.push(value)
  }
  return headers
}

const known = remembered((text): KnownName | null => {
  const name = text.toLowerCase()
  return isKnown(name) ? name : null
})

function isKnown(name: string): name is KnownName {
  return Object.hasOwn(none, name)
}
