import { Secret } from '../gateway/secret.ts'
import type { Settings } from './schema.ts'

/** Settings as one process of the gateway sends them to another: plain data, with secrets in clear text. */
export interface HandedOver {
  readonly settings: unknown
}

/** Marks a secret in that data. No setting has this key. */
const secretKey = '\0secret'

/** Only for a pipe between processes of one user. Never log the result. */
export function handOver(settings: Settings): HandedOver {
  return { settings: revealed(settings) }
}

export function takeOver({ settings }: HandedOver): Settings {
  return concealed(settings) as Settings // made by `handOver`
}

function revealed(value: unknown): unknown {
  return value instanceof Secret ? { [secretKey]: value.reveal() } : eachMember(value, revealed)
}

function concealed(value: unknown): unknown {
  const isSecret = typeof value === 'object' && value !== null && secretKey in value
  return isSecret ? new Secret(String(value[secretKey])) : eachMember(value, concealed)
}

function eachMember(value: unknown, change: (member: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, change(member)]))
}
