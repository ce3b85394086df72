import { type Account, type Connection, describe, pageOf } from '../gateway/account.ts'
import {
  type Allow,
  type Garbled,
  type NotAllowed,
  type ResetNeeded,
  type UnclearTarget,
  unreachable,
  type UpstreamFailed,
} from '../gateway/decision.ts'
import type { AccountName } from '../gateway/names.ts'
import type { Part } from '../gateway/outage.ts'
import type { Ending, Unreadable, Unserved } from '../requests/request.ts'

/** What differs between one ending and the next; a presenter puts it into the client's dialect. */
export interface Terms {
  readonly status: number
  /** One or a few sentences each. */
  readonly text: readonly string[]
  /** The address where it goes on. On a line of its own, so that a terminal makes it a link. */
  readonly link?: string
  /** The account whose `link` is the only way on: no other password will do. */
  readonly terminal?: AccountName
  /** What may help on the way, for git alone; the command on a line of its own. */
  readonly aside?: { readonly sentence: string; readonly command: string }
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The one table from what happened to what the client is told. The rule behind it: git erases a stored password on
 * 401 and on nothing else.
 */
export function termsOf(ending: Ending, publicUrl: string): Terms {
  switch (ending.outcome) {
    case 'challenge':
      return unauthorized(ending.name, {
        text: ['Sign in with your alternate credentials. You set them here:'],
        link: publicUrl + pageOf(ending.name),
      })
    case 'garbled': {
      const text = [`The credentials of this request could not be read: ${garbled[ending.flaw]}.`]
      // Two credentials are no wrong password: which of them should the client forget?
      return ending.flaw === 'two-headers' ? { status: 400, text } : unauthorized(ending.name, { text })
    }
    case 'refused':
      return refused(ending.account, publicUrl)
    case 'reset-needed':
      return resetNeeded(ending, publicUrl)
    case 'disabled':
      return {
        status: 403,
        text: [
          'Your user name and password are right, but these alternate credentials are switched off. Ask an administrator of the account.',
        ],
      }
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
        'cause' in ending ? ownRequests : 'The gateway has too much to do right now.',
        ending.retryAfter,
      )
    case 'unavailable':
      return later(503, unavailable(ending.part), ending.retryAfter)
    case 'upstream-failed':
      return {
        status: ending.because === 'timeout' ? 504 : 502,
        text: [upstreamFailed[ending.because], 'Your credentials are right: keep them.'],
      }
    default:
      return unreachable(ending)
  }
}

/** Basic and nothing else: beside NTLM or Digest git never sends it and then erases the good credential. */
function unauthorized(name: AccountName, rest: Omit<Terms, 'status'>): Terms {
  const realm = name.replace(/[^\w.-]/g, '')
  return {
    ...rest,
    status: 401,
    headers: { 'WWW-Authenticate': `Basic realm="${realm}", charset="UTF-8"`, ...rest.headers },
  }
}

/** The same for everybody on the account, whether the name or the password was wrong. */
function refused({ name, former }: Account, publicUrl: string): Terms {
  const advice = former
    ? 'This account has moved. If you have not set your alternate credentials since then, set them here:'
    : 'If you have lost them, set new ones here:'
  return unauthorized(name, {
    text: ['The user name or the password is wrong.', advice],
    link: publicUrl + pageOf(name),
  })
}

/** Told only to whoever holds the right old password, so it may say where the account went. */
function resetNeeded({ account }: ResetNeeded, publicUrl: string): Terms {
  const since = account.former ? `Since ${utcDate(account.former.leftAt)} it` : 'It now'
  const before = account.former ? ` for ${described(account.former.connection)}` : ''
  return unauthorized(account.name, {
    text: [
      `Reset needed: the account "${printable(account.name)}" has moved. ${since} signs in with ${described(account.connection)}.`,
      `Your password was right${before}, but it no longer counts here. Set a new one on this page and run the command again:`,
    ],
    link: publicUrl + pageOf(account.name),
    terminal: account.name,
    // Azure DevOps' own .NET clients stop asking again on this header.
    headers: { 'X-VSS-AuthenticateError': 'AccountMoved' },
  })
}

function described(connection: Connection): string {
  if (connection.kind === 'msa') return describe(connection)
  return describe({ ...connection, directoryName: printable(connection.directoryName) })
}

function utcDate(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10)
}

/** Where HTTP itself was broken, nobody can say where the next request on the connection would begin. */
function notUnderstood(flaw: keyof typeof unclear): Terms {
  const text = [`This request was not understood: ${unclear[flaw]}.`]
  if (flaw === 'transfer-coding') return { status: 501, text, headers: { Connection: 'close' } }
  return { status: 400, text, ...(broken.has(flaw) && { headers: { Connection: 'close' } }) }
}

function unavailable(part: Part): string {
  return `The gateway cannot ${tasks[part] ?? 'check credentials'} right now.`
}

/** What cannot be done without a part, if it is something else than to check credentials. */
const tasks: Readonly<Partial<Record<Part, string>>> = {
  upstream: 'sign in to the service behind it',
  audit: 'write down what it decides',
}

const ownRequests = 'Too many of your requests wait for the service behind this gateway already.'

/** `seconds` is rounded up: a client that comes at the time it was told must not come too early. */
function later(status: 429 | 503, sentence: string, seconds: number): Terms {
  const wait = Math.max(1, Math.ceil(seconds))
  const unit = wait === 1 ? 'second' : 'seconds'
  return {
    status,
    text: [sentence, `Try again in ${wait} ${unit}. Your credentials stay as they are.`],
    headers: { 'Retry-After': String(wait) },
  }
}

const broken: ReadonlySet<string> = new Set(['malformed', 'oversized-head', 'late-head', 'late-body'])

const garbled: Readonly<Record<Garbled['flaw'], string>> = {
  'two-headers': 'there are two Authorization headers',
  scheme: 'only HTTP Basic is understood here',
  base64: 'they are not proper Base64',
  'no-colon': 'there is no colon between user name and password',
  'no-username': 'the user name is missing',
  'control-character': 'they hold a control character',
  'too-long': 'they are too long',
}

const unclear: Readonly<Record<UnclearTarget['flaw'] | Unreadable['flaw'], string>> = {
  'absolute-form': 'its address does not begin with a slash',
  'double-slash': 'its address has two slashes where one belongs',
  'control-character': 'its address holds a control character or a blank',
  backslash: 'its address holds a backslash',
  fragment: 'its address holds a number sign',
  'bad-escape': 'its address holds a percent sign that escapes nothing',
  'dot-segment': 'its address holds a dot segment',
  'escaped-account': 'the account in its address is written with escapes',
  host: 'its Host header is no host name',
  destination: 'its Destination, or an address in its If header, does not lie in the account',
  'untrusted-forwarder': 'it came through a proxy that is not trusted here',
  'reserved-header': 'it has a header that only the gateway may send',
  malformed: 'it is not proper HTTP',
  'oversized-head': 'its headers are too long',
  'late-head': 'its headers did not arrive in time',
  'transfer-coding': 'its body has a transfer coding other than chunked',
  'late-body': 'the rest of it did not arrive in time',
}

/** No names, no addresses, no error codes: those are for the operator's log. */
const upstreamFailed: Readonly<Record<UpstreamFailed['because'], string>> = {
  'bad-address': 'The service behind this gateway is not set up properly.',
  refused: 'The service behind this gateway could not be reached.',
  certificate: 'The service behind this gateway could not be reached safely.',
  timeout: 'The service behind this gateway did not answer in time.',
  dropped: 'The service behind this gateway broke off before it answered.',
  'bad-answer': 'The service behind this gateway gave an answer that is not proper HTTP.',
  unauthorized: 'The service behind this gateway did not accept what the gateway told it.',
  'own-token': 'The service behind this gateway no longer accepts what it gave out for this transfer.',
  'sign-in-page': 'The service behind this gateway answered with a page for people.',
  redirect: 'The service behind this gateway sent the request elsewhere.',
}

/** What somebody is told whose request will never go on as it is, whoever sends it or with whatever password. */
function notAllowed(ending: NotAllowed | Unserved, publicUrl: string): Terms {
  switch (ending.cause) {
    case 'method':
      return { status: 403, text: ['This method is not served here.'] }
    case 'plain-http':
      return {
        status: 403,
        text: ['Plain http shows your password to everybody on its way. Use instead:'],
        link: publicUrl,
      }
    case 'not-a-member':
      return { status: 403, text: notAMember(ending.account.name) }
    default:
      return unreachable(ending)
  }
}

/** No more than that: where the account is connected to is its members' business. */
function notAMember(name: AccountName): readonly string[] {
  return [
    `Your user name and password are right, but the account "${printable(name)}" lets in its members only.`,
    'Ask an administrator of the account to add you, and keep your credentials as they are.',
  ]
}

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
  const page = publicUrl + pageOf(account.name)
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

/** Columns of a terminal, less the `remote: ` that git puts before each line. */
const columns = 72

/** Longest name that is shown in full; those of accounts always are. */
const longestName = 63

/**
 * What may be printed on a terminal as it is: git passes escape sequences on, and bidirectional controls
 * make a line read as another one. Also cuts names that would fill the screen.
 */
function printable(text: string): string {
  const clean = text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '')
  return clean.length > longestName ? `${clean.slice(0, longestName - 3).toWellFormed()}...` : clean
}

/** Breaks sentences into lines that fit; a word that is longer than a line gets one of its own. */
export function paragraph(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
