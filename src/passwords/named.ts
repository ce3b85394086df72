import type { Instant } from '../gateway/names.ts'
import { longestPasswordName } from '../gateway/registry.ts'

/** How long generated passwords may count, and replaced ones go on counting: the settings `passwords`. */
export interface PasswordLives {
  readonly defaultLifeDays: number
  readonly maxLifeDays: number
  /** Whether a password may have no end. */
  readonly allowEndless: boolean
  readonly maxGraceHours: number
}

const dayMs = 24 * 60 * 60 * 1000

/** What is wrong with a wanted end. `far`: it is later than the last day that may be chosen. */
export type EndFlaw =
  | { readonly flaw: 'endless' | 'no-day' | 'past' }
  | { readonly flaw: 'far'; readonly days: number; readonly last: string }

/** The sentences about it in a language. The day is one such as `2027-01-31`. */
export type EndFaults = Readonly<Record<EndFlaw['flaw'], (days: number, last: string) => string>>

export const endFaults: EndFaults = {
  endless: () => 'A password has to end: choose a day.',
  'no-day': () => 'The end must be a day such as 2027-01-31.',
  past: () => 'The end must not be in the past.',
  far: (days, last) => `The end must be within ${days} days: ${last} at the latest.`,
}

export function endFault(wrong: EndFlaw, faults = endFaults): string {
  return wrong.flaw === 'far' ? faults.far(wrong.days, wrong.last) : faults[wrong.flaw](0, '')
}

/**
 * The end of a new password, or what is wrong, also as a sentence in English. `wanted`: a calendar day, at the end of which (UTC) it
 * ends; `never`; left out: the default life.
 */
export function endOf(
  wanted: string | undefined,
  { defaultLifeDays, maxLifeDays, allowEndless }: PasswordLives,
  now: Instant,
): { readonly endsAt: Instant | undefined } | { readonly wrong: EndFlaw; readonly fault: string } {
  const refused = (wrong: EndFlaw) => ({ wrong, fault: endFault(wrong) })
  if (wanted === undefined) return { endsAt: now + defaultLifeDays * dayMs }
  if (wanted === 'never') return allowEndless ? { endsAt: undefined } : refused({ flaw: 'endless' })
  const start = /^\d{4}-\d\d-\d\d$/.test(wanted) ? Date.parse(`${wanted}T00:00:00Z`) : NaN
  if (Number.isNaN(start) || !new Date(start).toISOString().startsWith(wanted))
    return refused({ flaw: 'no-day' })
  const endsAt = start + dayMs
  if (endsAt <= now) return refused({ flaw: 'past' })
  const last = new Date(now + maxLifeDays * dayMs)
  // A day counts as a whole, so the last one that may be chosen ends a little later.
  if (endsAt > last.getTime() + dayMs)
    return refused({ flaw: 'far', days: maxLifeDays, last: last.toISOString().slice(0, 10) })
  return { endsAt }
}

export type NameFlaw = 'empty' | 'long' | 'control' | 'space'

export const nameFaults: Readonly<Record<NameFlaw, string>> = {
  empty: 'Enter a name, such as build-7.',
  long: `A name has ${longestPasswordName} characters at most.`,
  control: 'A name must not contain control characters.',
  space: 'A name must not begin or end with a space.',
}

/** What is wrong with the name of a password; `undefined`: nothing. */
export function passwordNameFlaw(text: string): NameFlaw | undefined {
  const length = Array.from(text).length
  if (length === 0) return 'empty'
  if (length > longestPasswordName) return 'long'
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(text) || !text.isWellFormed()) return 'control'
  return text.trim() === text ? undefined : 'space'
}

/** The same as a sentence in English. */
export function passwordNameFault(text: string): string | undefined {
  const flaw = passwordNameFlaw(text)
  return flaw && nameFaults[flaw]
}
