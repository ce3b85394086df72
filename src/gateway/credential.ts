import { attached } from './attached.ts'
import type { Garbled } from './decision.ts'
import { foldUsername, longestPassword, longestUsername, type Username } from './names.ts'
import { Secret } from './secret.ts'

/** A user name and password as the client sent them. The password can be compared and hashed, but not printed. */
export interface PresentedCredential {
  readonly username: Username
  readonly password: Secret
}

/** Longest `Authorization` value that is parsed, in characters. */
const longestHeader = 8192

/** `Basic`, in any case, one or more spaces, and a token (RFC 9110, 11.4 and RFC 7617, 2). */
const basic = /^basic +([a-z0-9+/]*={0,2}) *$/i

/**
 * Parses HTTP Basic (RFC 7617). `nothing`: no credential, or an empty password. git sends an empty password on every
 * command for `https://user@host`, so that must never count as a failed attempt.
 */
export function decodeBasic(headers: readonly Secret[]): PresentedCredential | 'nothing' | Garbled['flaw'] {
  if (headers.length > 1) return 'two-headers'
  const header = headers[0]
  if (header === undefined || header.isEmpty) return 'nothing'
  const known = decoded.get(header)
  if (known !== undefined) return known
  const credential = decode(header.reveal())
  if (typeof credential !== 'string') decoded.set(header, credential)
  return credential
}

/** The same object for the same header, which a kept connection brings with every request. */
const decoded = attached<Secret, PresentedCredential>()

function decode(value: string): PresentedCredential | 'nothing' | Garbled['flaw'] {
  if (value.length > longestHeader) return 'too-long'

  const token = basic.exec(value)?.[1]
  if (token === undefined) return /^basic(?: |$)/i.test(value) ? 'base64' : 'scheme'
  const bytes = Buffer.from(token, 'base64')
  // Node accepts non-canonical Base64 and Azure DevOps does not, so one header would have two readings.
  if (bytes.toString('base64') !== token) return 'base64'
  return readPair(bytes)
}

/** Splits at the first colon: a user name cannot contain one, a password can. */
function readPair(bytes: Buffer): PresentedCredential | 'nothing' | Garbled['flaw'] {
  const pair = decodeText(bytes)
  const colon = pair.indexOf(':')
  if (colon === -1) return 'no-colon'
  const username = pair.slice(0, colon)
  const password = pair.slice(colon + 1)
  // No CTL (RFC 5234) anywhere. User names go into headers and logs, so they have no C1 controls either.
  if (/[^ -~\u0080-\u{10ffff}]/u.test(pair) || /\p{Cc}/u.test(username)) return 'control-character'
  if (username.length > longestUsername || Buffer.byteLength(password) > longestPassword) return 'too-long'
  if (password === '') return 'nothing'
  if (username === '') return 'no-username'
  return { username: foldUsername(username), password: readPassword(password) }
}

/** A password as it is hashed and compared: in NFC (RFC 8265, OpaqueString), because keyboards compose differently. */
export function readPassword(text: string): Secret {
  return new Secret(text.normalize('NFC'))
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8, as git, JGit and .NET send it; otherwise ISO-8859-1, as older tools do. */
function decodeText(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return bytes.toString('latin1')
  }
}
