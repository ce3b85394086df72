import { isLoopback } from '../common/addresses.ts'
import { Failure } from '../common/failure.ts'
import type { TokenScope } from '../gateway/api-token.ts'
import {
  type AccountName,
  type DirectoryId,
  foldUsername,
  type Instant,
  readAccountName,
  readDirectoryId,
  readScope,
  type Scope,
  type Username,
} from '../gateway/names.ts'
import type { Refusal } from '../gateway/ports.ts'
import { passwordNameFault } from '../passwords/named.ts'
import { primaryFault, secondaryFault, usernameFault } from '../passwords/usernames.ts'

// What operators give, to a command, the API or the console, as text. Each function returns the value or throws `Unusable`.

/** Something that was given cannot be used. The message says what is expected, and nothing of what was given. */
export class Unusable extends Failure {}

export function accountName(text: string): AccountName {
  return (
    readAccountName(text) ??
    wrong('An account name is 1 to 63 letters, digits, "-" or "_", such as fabrikam.')
  )
}

export function directoryId(text: string): DirectoryId {
  return (
    readDirectoryId(text) ??
    wrong('A directory id is the GUID of an Entra directory, such as 72f988bf-86f1-41af-91ab-2d7cd011db47.')
  )
}

export function scope(text: string): Scope {
  return readScope(text) ?? wrong('A scope is msa, or the id of a directory.')
}

export function primaryName(text: string): Username {
  return checked(text, primaryFault(text))
}

export function secondaryName(text: string): Username {
  return checked(text, secondaryFault(text))
}

/** A primary or secondary user name. */
export function anyName(text: string): Username {
  return checked(text, usernameFault(text))
}

function checked(text: string, fault: string | undefined): Username {
  return fault === undefined
    ? foldUsername(text)
    : wrong(`${fault.charAt(0).toUpperCase()}${fault.slice(1)}.`)
}

/** Three days at most: a user who has not set a new credential by then will need the reminder. */
export function bridgeHours(text: string): number {
  const hours = /^\d{1,2}$/.test(text) ? Number(text) : 0
  return hours >= 1 && hours <= 72 ? hours : wrong('A bridge lasts 1 to 72 whole hours.')
}

/** The name of a generated password. */
export function passwordName(text: string): string {
  const fault = passwordNameFault(text)
  return fault === undefined ? text : wrong(fault)
}

/** How long a replaced password goes on counting. The settings have the ceiling. */
export function graceHours(text: string): number {
  return number(text, 8760)
}

/** The reference of an answer, as clients show it. */
export function reference(text: string): string {
  const id = text.trim().toLowerCase()
  return /^[0-9a-f]{24}$/.test(id) ? id : wrong('A reference is 24 digits and letters from a to f.')
}

/** A time that has passed: how long ago (`30m`, `2h`, `3d`), a day, or an ISO 8601 time with its zone. */
export function pastInstant(text: string): Instant {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  const at =
    count === undefined
      ? Date.parse(
          /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text) ? text : '',
        )
      : Date.now() - Number(count) * (unit === 'm' ? 60_000 : unit === 'h' ? 3_600_000 : 86_400_000)
  return Number.isNaN(at) ? wrong('A time is 2h, 3d, 2027-01-31 or 2027-01-31T08:00:00Z.') : at
}

/** The name of a token of the API. */
export function tokenName(text: string): string {
  return /^[A-Za-z0-9._-]{1,63}$/.test(text)
    ? text
    : wrong('The name of a token is 1 to 63 letters, digits, "-", "_" or ".", such as helpdesk.')
}

export function tokenScope(text: string): TokenScope {
  return text === 'read' || text === 'write' ? text : wrong('The scope of a token is read or write.')
}

type KeptOutcome = Exclude<Refusal['outcome'], 'challenge'>

/** The outcomes that `recent` can show: a name that is not among them is a typing mistake. */
export const keptOutcomes = Object.keys({
  refused: true,
  'reset-needed': true,
  expired: true,
  disabled: true,
  'read-only': true,
  'sign-in-needed': true,
  'not-allowed': true,
  'no-account': true,
  garbled: true,
  'unclear-target': true,
  throttled: true,
  busy: true,
  unavailable: true,
  'upstream-failed': true,
} satisfies Readonly<Record<KeptOutcome, true>>)

/** A calendar day, as it was given. */
export function day(text: string): string {
  const read = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN
  const exists = !Number.isNaN(read) && new Date(read).toISOString().startsWith(text)
  return exists ? text : wrong('A day is a date such as 2027-01-31.')
}

/** A calendar day from today on, in UTC. */
export function comingDay(text: string): string {
  const read = day(text)
  return read >= new Date().toISOString().slice(0, 10)
    ? read
    : wrong('That day has passed (in UTC). A move is planned for today or later.')
}

export function directoryName(text: string): string {
  return /^(?! )\P{Cc}{1,120}(?<! )$/u.test(text)
    ? text
    : wrong(
        'A directory name is 1 to 120 characters, without control characters and without leading or trailing spaces.',
      )
}

/** Keeps the address as given: a path decides what becomes of the account's segment, and `URL` would add a `/`. */
export function upstreamUrl(text: string): string {
  const url = plainUrl(text)
  if (url === undefined)
    return wrong('An upstream is an http or https address without a user, query or fragment.')
  if (url.pathname.startsWith('//')) return wrong('The path of an upstream begins with one slash.')
  return hasPath(text) ? url.origin + url.pathname : url.origin
}

/** Plain http is for trials on one machine: anywhere else it would expose tokens in transit. */
export function issuerUrl(text: string): string {
  const url = plainUrl(text)
  if (url !== undefined && (url.protocol === 'https:' || isLoopback(url.hostname))) return text
  return wrong('An issuer is an https address without a user, query or fragment (http only on this machine).')
}

function plainUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  const plain =
    url !== null && /^https?:\/\/[^\s\\@?#]+$/i.test(text) && url.username === '' && url.hostname !== ''
  return plain ? url : undefined
}

/** The name of a method of upstream authentication. */
export function authName(text: string): string {
  return /^[A-Za-z0-9._-]{1,63}$/.test(text)
    ? text
    : wrong('The name of a method is 1 to 63 letters, digits, "-", "_" or ".", such as tfs.')
}

/** What makes an address of a plain user name. */
export function domainName(text: string): string {
  const domain = text.toLowerCase().replace(/^@/, '')
  return /^(?=.{1,253}$)(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)*[\p{L}\p{N}-]{1,63}$/u.test(
    domain,
  )
    ? domain
    : wrong('A domain is a name such as example.com.')
}

/** A whole number. */
export function number(text: string, most: number): number {
  const value = Number(text)
  if (!/^\d{1,6}$/.test(text) || value < 1 || value > most)
    return wrong(`It must be a whole number from 1 to ${most}.`)
  return value
}

function wrong(sentence: string): never {
  throw new Unusable(sentence)
}

/** Whether an upstream was given with a path, be it a lone slash. */
function hasPath(upstream: string): boolean {
  return /^https?:\/\/[^/]+\//i.test(upstream)
}
