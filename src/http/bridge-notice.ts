import type { Allow } from '../gateway/decision.ts'
import { printable } from './plain-text.ts'

/** What somebody is told whom a bridge lets in. */
export interface BridgeNotice {
  /** For programs: the end of the bridge, ISO 8601 in UTC. */
  readonly until: string
  /** For people, on their terminal. */
  readonly lines: string
}

/** `undefined` for everybody who has come by the ordinary way. */
export function bridgeNotice({ account, bridgedUntil }: Allow, publicUrl: string): BridgeNotice | undefined {
  if (bridgedUntil === undefined) return undefined
  const until = new Date(bridgedUntil).toISOString()
  const name = printable(account.name)
  const page = `${publicUrl}/_altgate/?account=${encodeURIComponent(account.name)}`
  return {
    until,
    lines: [
      `The account "${name}" has moved. Your old credentials count here until`,
      `${until.slice(0, 10)} ${until.slice(11, 16)} UTC and no longer. Set new ones on this page:`,
      `  ${page}`,
      '',
    ].join('\n'),
  }
}
