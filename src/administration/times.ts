import type { Instant } from '../gateway/names.ts'

/** A time as text: date and time to the second, in UTC. */
export function moment(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** A time for programs: ISO 8601, in UTC. */
export function isoTime(instant: Instant): string {
  return new Date(instant).toISOString()
}
