import { pageOf, type PlannedMove } from '../gateway/account.ts'
import type { Allow, UsedPassword } from '../gateway/decision.ts'
import type { Instant } from '../gateway/names.ts'
import { described, paragraph, passwordNamed, printable, utcDate } from './wording.ts'

/** What a user is told although the request is allowed. */
export interface Notices {
  /** For programs, with every answer: names and values in turn. */
  readonly headers: readonly string[]
  /** For users, on their terminal, with a push: lines, each with its line end. */
  readonly lines: string
}

const dayMs = 24 * 60 * 60 * 1000

/** Days before the end of a password from which on every push says so. The webhook says it on three of them, and at the end. */
export const longestNoticeDays = 14

/**
 * What is about to end: a bridge, the password, or both. `undefined`: nothing is. `move`: the planned move, if the user is to be
 * told of it.
 */
export function noticesOf(
  allowed: Allow,
  publicUrl: string,
  now: Instant,
  move?: PlannedMove,
): Notices | undefined {
  const { bridgedUntil, password } = allowed
  const endsAt = endingSoon(password, now)
  if (bridgedUntil === undefined && endsAt === undefined && move === undefined) return undefined
  const page = `  ${publicUrl}${pageOf(allowed.account.name)}\n`
  const headers: string[] = []
  let lines = ''
  if (bridgedUntil !== undefined) {
    headers.push('X-Altgate-Bridge-Until', new Date(bridgedUntil).toISOString())
    lines += ofBridge(allowed, bridgedUntil) + page
  }
  if (password !== undefined && endsAt !== undefined) {
    headers.push('X-Altgate-Password-Ends', utcDate(endsAt - 1))
    lines += ofPassword(password, endsAt, now) + page
  }
  if (move !== undefined) lines += ofMove(allowed, move, now) + page
  return { headers, lines }
}

/** The end of a password that users have to replace soon. What an OAuth client was given, it renews itself. */
function endingSoon(password: UsedPassword | undefined, now: Instant): Instant | undefined {
  const { endsAt, client } = password ?? {}
  return endsAt === undefined || client !== undefined || endsAt - now > longestNoticeDays * dayMs
    ? undefined
    : endsAt
}

function ofBridge({ account }: Allow, until: Instant): string {
  const end = `${utcDate(until)} ${timeOf(until)}`
  return `The account "${printable(account.name)}" has moved. Your old credentials work here until\n${end} UTC. Set new ones on this page before then:\n`
}

/** Nothing moves by itself: after the day, the move is late. */
function ofMove({ account }: Allow, { to, on }: PlannedMove, now: Instant): string {
  const today = utcDate(now)
  const name = `The account "${printable(account.name)}"`
  const moves =
    on < today
      ? `${name} was to move on ${on} (UTC) and moves soon,`
      : on === today
        ? `${name} moves today, on ${on} (UTC),`
        : `${name} moves on ${on} (UTC)`
  const sentences = `${moves} to ${described(to)}. Your user name and password work here until it moves. Prepare new ones for the time after it on this page:`
  return `${paragraph(sentences).join('\n')}\n`
}

function ofPassword({ name, replacedAt }: UsedPassword, endsAt: Instant, now: Instant): string {
  const which = passwordNamed(name)
  const when = `${inDays(endsAt - now)}, on ${utcDate(endsAt - 1)}`
  const sentence =
    replacedAt === undefined
      ? `${which} ends ${when}. Make a new one on this page before then:`
      : `${which} was replaced on ${utcDate(replacedAt)}, and the old one that you use ends at ${timeOf(endsAt)} UTC on ${utcDate(endsAt)}. Use the new one, or make another on this page:`
  return `${paragraph(sentence).join('\n')}\n`
}

/** Hours and minutes in UTC. */
function timeOf(instant: Instant): string {
  return new Date(instant).toISOString().slice(11, 16)
}

function inDays(ms: number): string {
  const days = Math.ceil(ms / dayMs)
  return days <= 1 ? 'within a day' : `in ${days} days`
}
