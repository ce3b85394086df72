import { type InDoubt, Outage } from '../gateway/outage.ts'

/** Which part is down, and why. */
export function outageSentence(outage: Outage): string {
  return `${parts[outage.part]}: ${reasonOf(outage)}.`
}

/** What is known of a change, and what to do. */
export function doubtSentence(doubt: InDoubt): string {
  if (doubt.made === 'perhaps')
    return `${outageSentence(doubt)} The change may or may not be in force: see how it is with altgate credential list or altgate account show, then try again.`
  const lastBy = doubt.lastBy === undefined ? 'soon' : `by ${new Date(doubt.lastBy).toISOString()}`
  const silent = doubt.silent.length === 0 ? '' : ` Not confirmed: gateways on ${doubt.silent.join(', ')}.`
  return `The change is made, but whether every gateway knows could not be seen. ${outageSentence(doubt)}${silent} Those that do not know will have stopped ${lastBy}.`
}

const parts: Readonly<Record<Outage['part'], string>> = {
  store: 'The store cannot be used',
  redis: 'Redis cannot be used, and running gateways could not be told',
  hashing: 'Passwords cannot be hashed',
  upstream: 'The upstream cannot be used',
  accounts: 'Nobody can say what the account signs in with',
  gateway: 'The gateway cannot be used',
  audit: 'The audit log',
}

/** Why something failed, in a few words for the operator. The causes are those of libraries, never input. */
export function reasonOf(error: unknown): string {
  if (error instanceof Outage) return reasonOf(error.cause)
  if (!(error instanceof Error)) return 'for an unknown reason'
  const code = codeOf(error)
  const known = code === undefined ? undefined : reasons.get(code)
  // An AggregateError (a host with several addresses) has an empty message, and its code says it.
  return known ?? (error.message || code || error.name)
}

/** Outages of the store have the driver's code in front of its text. */
function codeOf(error: Error): string | undefined {
  if (error.name === 'TimeoutError') return 'ETIMEDOUT' // what `AbortSignal.timeout` ends a request with
  if ('code' in error && typeof error.code === 'string') return error.code
  return /^([A-Z][A-Z0-9_]+): /.exec(error.message)?.[1]
}

const reasons = new Map([
  ['ECONNREFUSED', 'nobody listens there (connection refused)'],
  ['ENOTFOUND', 'there is no host of that name'],
  ['EAI_AGAIN', 'the name of the host could not be looked up'],
  ['ETIMEDOUT', 'no answer in time'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection in time'],
  ['ECONNRESET', 'the connection was cut'],
  ['EADDRINUSE', 'another program listens there'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  ['EACCES', 'permission denied'],
  ['ENOENT', 'there is no such file'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is self-signed; upstream.caFile can trust it'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate comes from an unknown issuer; upstream.caFile can trust it'],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'its certificate comes from an unknown issuer; upstream.caFile can trust it',
  ],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host'],
])
