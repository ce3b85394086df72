import { readFileSync } from 'node:fs'
import { Outage } from '../gateway/outage.ts'

/**
 * Something cannot be done, for a reason that the operator can mend. The message is one plain sentence or more, and is
 * shown as it is; every other error is an outage or a bug.
 */
export class Failure extends Error {}

/** The text of a file that the settings name. Throws `Failure`. */
export function readGivenFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '') // behind a byte order mark, OpenSSL finds no PEM
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${reasonOf(error)}.`, { cause: error })
  }
}

/** Why something failed, in a few words for the operator. Causes come from libraries, never from input. */
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
  ['ECONNREFUSED', 'nothing listens there (connection refused)'],
  ['ENOTFOUND', 'there is no host with that name'],
  ['EAI_AGAIN', 'the host name could not be resolved'],
  ['ETIMEDOUT', 'no answer in time'],
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection in time'],
  ['ECONNRESET', 'the connection was reset'],
  ['EADDRINUSE', 'another program is listening there'],
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
