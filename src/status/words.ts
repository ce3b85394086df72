import type { CertificateEnd } from './certificates.ts'
import type { FleetMember, GatewayStatus, Load, MoveStatus, PartStatus, Time, Unknown } from './document.ts'

// What the page and the command say in the same words.

/** `3 h 12 min`: two units at most. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  const days = Math.floor(hours / 24)
  if (days > 1) return `${days} days`
  return hours % 24 === 0 ? '1 day' : `1 day ${hours % 24} h`
}

/** From one time to another. */
export function between(from: Time, to: Time): string {
  return lasting(Date.parse(to) - Date.parse(from))
}

/** Date and time to the second, in UTC: `2026-11-27 21:05:09`. */
export function dateAndTime(time: Time): string {
  return time.slice(0, 19).replace('T', ' ')
}

/** The same without the date, if it is today's. */
export function shortTime(time: Time, now: Time): string {
  return time.slice(0, 10) === now.slice(0, 10) ? time.slice(11, 19) : dateAndTime(time)
}

/** A rate or count with as many digits as matter. */
export function figure(number: number): string {
  if (number === 0 || number >= 100) return String(Math.round(number))
  if (number >= 10) return number.toFixed(1)
  return number < 0.1 ? number.toFixed(3) : number.toFixed(2)
}

export function share(part: number | Unknown): string {
  if (typeof part !== 'number') return 'unknown'
  // Only all are 100 %.
  return `${part < 1 ? Math.min(99.9, Math.round(part * 1000) / 10) : 100} %`
}

export function stateText({ state, workers }: Pick<GatewayStatus, 'state' | 'workers'>): string {
  const { listening, of } = workers
  const text = `${listening} of ${of} ${of === 1 ? 'worker listens' : 'workers listen'}`
  return `${{ ready: 'ready', starting: 'starting', 'not-ready': 'not ready', stopping: 'stopping' }[state]}: ${text}`
}

/** `allow`, `refused`, …: the most frequent one first, over both stretches. */
export function outcomesOf(short: Load, long: Load): readonly (readonly [string, number, number])[] {
  const of = (load: Load, outcome: string) =>
    Object.entries(load.perSecond).find(([its]) => its === outcome)?.[1] ?? 0
  const all = new Set([...Object.keys(long.perSecond), ...Object.keys(short.perSecond)])
  return [...all].map(outcome => [outcome, of(short, outcome), of(long, outcome)] as const)
}

export function partStates({ state }: Pick<PartStatus, 'state'>): string {
  return { up: 'up', down: 'DOWN', unknown: 'unknown' }[state]
}

/** Since when, and what is wrong or why it is not known. */
export function partText({ since, lastAnswer, because }: PartStatus, at: Time): string {
  const lasts = since && `since ${shortTime(since, at)} (${between(since, at)})`
  const answer = lastAnswer && `last answer ${between(lastAnswer, at)} ago`
  return [lasts, answer, because].filter(each => each !== undefined).join('; ')
}

export function gatewayText(gateway: FleetMember, at: Time): string {
  const { silent, seenAt, ready, workers, self } = gateway
  if (silent) return `for ${between(seenAt, at)}: it ended without a word, or cannot reach the store`
  const { listening, of } = workers
  const state = `${ready ? 'ready' : 'not ready'}, ${listening}/${of} workers`
  return self ? `${state}, this one` : state
}

/** What an account signs in with since. */
export function moveText({ to, undo, directory }: MoveStatus): string {
  const target = to === 'directory' ? (directory ?? 'a directory') : 'Microsoft accounts'
  return undo ? `${target} (undone)` : target
}

const dayMs = 24 * 60 * 60 * 1000

/** `soon`: within 30 days. */
export function certificateState({ ends }: CertificateEnd, at: Time): 'good' | 'soon' | 'ended' | 'unknown' {
  if ('unknown' in ends) return 'unknown'
  const left = Date.parse(ends.at) - Date.parse(at)
  if (left <= 0) return 'ended'
  return left < 30 * dayMs ? 'soon' : 'good'
}

export function certificateText({ ends }: CertificateEnd, at: Time): string {
  if ('unknown' in ends) return `unknown, because ${ends.unknown}`
  const { certificates } = ends
  const which = certificates === 1 ? '' : `the first of ${certificates} `
  const left = Date.parse(ends.at) - Date.parse(at)
  const when = left <= 0 ? `ENDED ${lasting(-left)} ago` : `ends in ${lasting(left)}`
  return `${which}${when}: ${dateAndTime(ends.at)}`
}
