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

/**
 * The end of a new password, or a sentence that says what is wrong. `wanted`: a calendar day, at the end of which (UTC) it
 * ends; `never`; left out: the default life.
 */
export function endOf(
  wanted: string | undefined,
  { defaultLifeDays, maxLifeDays, allowEndless }: PasswordLives,
  now: Instant,
): { readonly endsAt: Instant | undefined } | { readonly fault: string } {
  if (wanted === undefined) return { endsAt: now + defaultLifeDays * dayMs }
  if (wanted === 'never')
    return allowEndless ? { endsAt: undefined } : { fault: 'A password has to end: choose a day.' }
  const start = /^\d{4}-\d\d-\d\d$/.test(wanted) ? Date.parse(`${wanted}T00:00:00Z`) : NaN
  if (Number.isNaN(start) || !new Date(start).toISOString().startsWith(wanted))
    return { fault: 'The end must be a day such as 2027-01-31.' }
  const endsAt = start + dayMs
  if (endsAt <= now) return { fault: 'The end must not be in the past.' }
  const last = new Date(now + maxLifeDays * dayMs)
  // A day counts as a whole, so the last one that may be chosen ends a little later.
  if (endsAt > last.getTime() + dayMs)
    return {
      fault: `The end must be within ${maxLifeDays} days: ${last.toISOString().slice(0, 10)} at the latest.`,
    }
  return { endsAt }
}

/** What is wrong with the name of a password; `undefined`: nothing. */
export function passwordNameFault(text: string): string | undefined {
  const length = Array.from(text).length
  if (length === 0) return 'Enter a name, such as build-7.'
  if (length > longestPasswordName) return `A name has ${longestPasswordName} characters at most.`
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(text) || !text.isWellFormed())
    return 'A name must not contain control characters.'
  return text.trim() === text ? undefined : 'A name must not begin or end with a space.'
}
