import { type Account, type Connection, pageOf } from '../gateway/account.ts'
import {
  type Expired,
  type Garbled,
  type NotAllowed,
  type ReadOnly,
  type ResetNeeded,
  type SignInNeeded,
  type UnclearTarget,
  unreachable,
  type UpstreamFailed,
} from '../gateway/decision.ts'
import type { SignInCause } from '../gateway/delegation.ts'
import type { AccountName } from '../gateway/names.ts'
import type { Part } from '../gateway/outage.ts'
import type { Ending, Unreadable, Unserved } from '../requests/request.ts'
import { described, passwordNamed, printable, utcDate } from './wording.ts'

/** What distinguishes one ending from another. A presenter renders it in the client's dialect. */
export interface Terms {
  readonly status: number
  /** Paragraphs of one or a few sentences. */
  readonly text: readonly string[]
  /** The URL of the next step, on a line of its own so that terminals make it a link. */
  readonly link?: string
  /** The account, if `link` is the only way forward and no other password can help. */
  readonly terminal?: AccountName
  /** A hint for git only; the command is on a line of its own. */
  readonly aside?: { readonly sentence: string; readonly command: string }
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The only table from endings to answers. The rule behind it: git erases a stored password on 401, and on no other
 * status.
 */
export function termsOf(ending: Ending, publicUrl: string): Terms {
  switch (ending.outcome) {
    case 'challenge':
      return unauthorized(ending.name, {
        text: ['Sign in with your alternate credentials. Set them on this page:'],
        link: publicUrl + pageOf(ending.name),
      })
    case 'garbled': {
      const text = [`The credentials in this request could not be read: ${garbled[ending.flaw]}.`]
      // Two credentials are not a wrong password, and on 401 the client would erase one of them.
      return ending.flaw === 'two-headers' ? { status: 400, text } : unauthorized(ending.name, { text })
    }
    case 'refused':
      return refused(ending.account, publicUrl)
    case 'reset-needed':
      return resetNeeded(ending, publicUrl)
    case 'sign-in-needed':
      return signInNeeded(ending, publicUrl)
    case 'disabled':
      return {
        status: 403,
        text: [
          'Your user name and password are right, but these alternate credentials are switched off. Ask an administrator of the account.',
        ],
      }
    case 'expired':
      return expired(ending, publicUrl)
    case 'read-only':
      return readOnly(ending, publicUrl)
    case 'not-allowed':
      return notAllowed(ending, publicUrl)
    case 'unclear-target':
      return notUnderstood(ending.flaw)
    case 'no-account':
      return { status: 404, text: ['There is no such account here. Check the address.'] }
    case 'throttled':
      return later(429, 'Too many attempts.', ending.retryAfter)
    case 'busy':
      return later(
        503,
        'cause' in ending ? ownRequests : 'The gateway is overloaded right now.',
        ending.retryAfter,
      )
    case 'unavailable':
      return later(503, unavailable(ending.part), ending.retryAfter)
    case 'upstream-failed':
      return {
        status: ending.because === 'timeout' ? 504 : 502,
        text: [upstreamFailed[ending.because], "Your credentials are right. You don't need to change them."],
      }
    default:
      return unreachable(ending)
  }
}

/** Offers only Basic: next to NTLM or Digest, git never sends Basic and then erases the good credential. */
function unauthorized(name: AccountName, rest: Omit<Terms, 'status'>): Terms {
  const realm = name.replace(/[^\w.-]/g, '')
  return {
    ...rest,
    status: 401,
    headers: { 'WWW-Authenticate': `Basic realm="${realm}", charset="UTF-8"`, ...rest.headers },
  }
}

/** The same for all callers on the account, whether the user name or the password was wrong. */
function refused({ name, former, connection }: Account, publicUrl: string): Terms {
  const where = connection.kind === 'entra' ? 'its directory' : 'it'
  const advice = former
    ? `This account has moved. Use the alternate credentials that you have set for ${where} since then, or set them on this page:`
    : 'If you have lost them, set new ones on this page:'
  return unauthorized(name, {
    text: ['The user name or the password is wrong.', advice],
    link: publicUrl + pageOf(name),
  })
}

/** Sent only to clients with the right old password, so it may say where the account moved. */
function resetNeeded({ account, client }: ResetNeeded, publicUrl: string): Terms {
  const since = account.former ? `Since ${utcDate(account.former.leftAt)} it` : 'It now'
  const before = account.former ? ` for ${described(account.former.connection)}` : ''
  return unauthorized(account.name, {
    text: [
      `Reset needed: the account "${printable(account.name)}" has moved. ${since} signs in with ${described(account.connection)}.`,
      `Your password was right${before}, but it no longer works here. ${nextFor(client)}`,
    ],
    link: publicUrl + pageOf(account.name),
    terminal: account.name,
    // This header stops the .NET clients of Azure DevOps from asking again.
    headers: { 'X-VSS-AuthenticateError': 'AccountMoved' },
  })
}

/** A credential helper signs in anew when git asks it again, which it does after a 401. */
function nextFor(client: string | undefined): string {
  return client === undefined
    ? 'Set a new one on this page and run the command again:'
    : `Run the command again: ${printable(client)} asks you to sign in. Or set one on this page:`
}

/** Sent only to the holder of the password. */
function expired({ account, cause, at, password, client }: Expired, publicUrl: string): Terms {
  // A password counts until midnight of its last day, which is then the day of its end.
  const day = utcDate(cause === 'past-its-end' ? at - 1 : at)
  const { what, advice } = overs[cause]
  return unauthorized(account.name, {
    text: [
      `${passwordNamed(password)} ${what} on ${day} and no longer works.`,
      client === undefined ? advice : renewed(client),
    ],
    link: publicUrl + pageOf(account.name),
    terminal: account.name,
    headers: { 'X-VSS-AuthenticateError': 'PasswordExpired' },
  })
}

function renewed(client: string): string {
  return `Run the command again: ${printable(client)} renews it, or asks you to sign in. Your passwords are on this page:`
}

const overs: Readonly<Record<Expired['cause'], { readonly what: string; readonly advice: string }>> = {
  'past-its-end': { what: 'ended', advice: 'Make a new one on this page:' },
  replaced: { what: 'was replaced', advice: 'Use the new one, or make another on this page:' },
  revoked: { what: 'was revoked', advice: 'If you did not do that, look at your passwords on this page:' },
}

/** 403, because the password is right and must be kept. */
function readOnly({ account, password }: ReadOnly, publicUrl: string): Terms {
  const which = password === undefined ? 'This password' : `Your password "${printable(password)}"`
  return {
    status: 403,
    text: [
      `${which} is read-only, and this request may change something. Nothing was changed.`,
      'Make a password that may write on this page:',
    ],
    link: publicUrl + pageOf(account.name),
  }
}

/** 403, because the password is right and must be kept: after the sign-in, the same one works again. */
function signInNeeded({ account, cause }: SignInNeeded, publicUrl: string): Terms {
  return {
    status: 403,
    text: [
      `Sign-in needed: ${signInCauses[cause](whereToSignIn(account.connection))}.`,
      'Your password is right and stays the same. Sign in once on this page, then run the command again:',
    ],
    link: publicUrl + pageOf(account.name),
  }
}

/** Which key opens a grant is the operator's concern: for the user, the sign-in has ended. */
const signInCauses: Readonly<Record<SignInCause, (where: string) => string>> = {
  'no-grant': where => `you have not signed in ${where} on the page of this gateway yet`,
  ended: where => `your sign-in ${where} has ended`,
  'sealed-otherwise': where => `your sign-in ${where} has ended`,
  claims: where => `the service behind this gateway asks you to sign in ${where} again`,
}

function whereToSignIn(connection: Connection): string {
  return connection.kind === 'msa' ? 'with your Microsoft account' : `to ${described(connection)}`
}

/** After invalid HTTP, the connection closes: it is unknown where the next request would begin. */
function notUnderstood(flaw: keyof typeof unclear): Terms {
  const text = [`This request was rejected: ${unclear[flaw]}.`]
  if (flaw === 'transfer-coding') return { status: 501, text, headers: { Connection: 'close' } }
  const status = flaw === 'oversized-head' ? 431 : 400
  return { status, text, ...(broken.has(flaw) && { headers: { Connection: 'close' } }) }
}

function unavailable(part: Part): string {
  return `The gateway cannot ${tasks[part] ?? 'check credentials'} right now.`
}

/** What the gateway cannot do without a part, if not checking credentials. */
const tasks: Readonly<Partial<Record<Part, string>>> = {
  upstream: 'sign in to the service behind it',
  provider: 'renew your sign-in',
  audit: 'write its audit log',
}

const ownRequests = 'Too many of your requests are already waiting for the service behind this gateway.'

const keep = "You don't need to change your credentials."

/** `seconds` is rounded up, so that a client that obeys does not come too early. */
function later(status: 429 | 503, sentence: string, seconds: number): Terms {
  const wait = Math.max(1, Math.ceil(seconds))
  const unit = wait === 1 ? 'second' : 'seconds'
  return {
    status,
    text: [sentence, `Try again in ${wait} ${unit}. ${keep}`],
    headers: { 'Retry-After': String(wait) },
  }
}

const broken: ReadonlySet<string> = new Set([
  'malformed',
  'unencoded',
  'unknown-method',
  'oversized-head',
  'late-head',
  'late-body',
])

const garbled: Readonly<Record<Garbled['flaw'], string>> = {
  'two-headers': 'there are two Authorization headers',
  scheme: 'only HTTP Basic authentication is supported',
  base64: 'they are not valid Base64',
  'no-colon': 'there is no colon between user name and password',
  'no-username': 'the user name is missing',
  'control-character': 'they contain a control character',
  'too-long': 'they are too long',
}

const unclear: Readonly<Record<UnclearTarget['flaw'] | Unreadable['flaw'], string>> = {
  'absolute-form': 'its request target does not begin with a slash',
  'double-slash': 'its URL contains a double slash',
  'control-character': 'its URL contains a control character or a space',
  backslash: 'its URL contains a backslash',
  fragment: 'its URL contains a fragment',
  'bad-escape': 'its URL contains an invalid percent-encoding',
  'dot-segment': 'its URL contains a dot segment',
  'escaped-account': 'the account name in its URL is percent-encoded',
  host: 'its Host header is not a valid host name',
  destination: 'its Destination header, or a URL in its If header, is outside the account',
  'untrusted-forwarder': 'it came through a proxy that is not trusted',
  'reserved-header': 'it has a header that only the gateway may set',
  malformed: 'it is not valid HTTP',
  unencoded: 'its URL is not percent-encoded',
  'unknown-method': 'its method is not known here',
  'oversized-head': 'its headers are too long',
  'late-head': 'its headers did not arrive in time',
  'transfer-coding': 'its body has a transfer coding other than chunked',
  'late-body': 'its body did not arrive in time',
}

/** No host names, URLs or error codes: those are for the operator's log. */
const upstreamFailed: Readonly<Record<UpstreamFailed['because'], string>> = {
  'bad-address': 'The service behind this gateway is not configured correctly.',
  refused: 'The service behind this gateway could not be reached.',
  certificate: 'The service behind this gateway could not be reached securely.',
  timeout: 'The service behind this gateway did not answer in time.',
  dropped: 'The service behind this gateway disconnected before it answered.',
  'bad-answer': 'The service behind this gateway sent an answer that is not valid HTTP.',
  unauthorized: "The service behind this gateway rejected the gateway's authentication.",
  'user-token':
    'The service behind this gateway rejected your access token. Try again; if it does so again, ask an administrator whether you have access there.',
  'own-token':
    'The service behind this gateway no longer accepts the token that it issued for this transfer.',
  'sign-in-page': 'The service behind this gateway returned a web page.',
  redirect: 'The service behind this gateway redirected the request elsewhere.',
}

/** For requests that no other password would change. */
function notAllowed(ending: NotAllowed | Unserved, publicUrl: string): Terms {
  switch (ending.cause) {
    case 'method':
      return { status: 403, text: ['This HTTP method is not supported.'] }
    case 'plain-http':
      return {
        status: 403,
        text: ['Plain http would expose your password in transit. Use this address instead:'],
        link: publicUrl,
      }
    case 'not-a-member':
      return { status: 403, text: notAMember(ending.account.name) }
    default:
      return unreachable(ending)
  }
}

/** Says no more than that: only members may learn what the account is connected to. */
function notAMember(name: AccountName): readonly string[] {
  return [
    `Your user name and password are right, but the account "${printable(name)}" is restricted to members.`,
    `Ask an administrator of the account to add you. ${keep}`,
  ]
}
