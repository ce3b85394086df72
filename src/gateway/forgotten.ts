import type { Instant, Revision } from './names.ts'

/**
 * What a cache was told to forget, so that a late writer, which read the store before a change, cannot bring it back
 * after the change. Entries need not be deleted: what is covered counts as absent.
 */
export interface Forgotten<Key> {
  /** Discards what was read about `key` as of an earlier revision. */
  add(key: Key, revision: Revision): void
  /** The same for all keys. */
  addAll(revision: Revision): void
  /** Whether any key is covered as of this revision. False as of the last change or later. */
  coversAny(asOf: Revision): boolean
  /** Whether what was read about `key` as of this revision is void. */
  covers(key: Key, asOf: Revision): boolean
}

export interface ForgottenOptions {
  /** How many keys are tracked; beyond that the oldest are merged into one mark for all keys, as with `addAll`. */
  readonly most: number
  /** Seconds; at least as long as anything is remembered. */
  readonly keepSeconds: number
  readonly now: () => Instant
}

/**
 * Seconds after which no late writer is left: no check and no transaction takes ten minutes. The time is limited
 * because an announced change can be rolled back. Its revision is then not reached until the next change, and until
 * then nothing about its keys can be remembered.
 */
export const lateSeconds = 600

interface Mark {
  readonly revision: Revision
  readonly until: Instant
}

export function createForgotten<Key>({ most, keepSeconds, now }: ForgottenOptions): Forgotten<Key> {
  const marks = new Map<Key, Mark>() // in the order in which they were last marked
  let floor: Mark = { revision: 0 as Revision, until: 0 }
  let newest = 0 as Revision

  function add(key: Key, revision: Revision): void {
    if (revision > newest) newest = revision
    const mark = later(marks.get(key), { revision, until: now() + keepSeconds * 1000 })
    marks.delete(key)
    marks.set(key, mark)
    if (marks.size > most) dropOldest()
    dropOver()
  }

  function dropOver(): void {
    for (const [key, mark] of marks) {
      if (now() < mark.until) return
      marks.delete(key)
    }
  }

  /** Stays bounded and safe: a mark that is dropped for one key then applies to all keys. */
  function dropOldest(): void {
    const [oldest] = marks
    if (oldest === undefined) return
    const [key, mark] = oldest
    marks.delete(key)
    if (now() < mark.until) floor = later(floor, mark)
  }

  return {
    add,
    addAll(revision) {
      if (revision > newest) newest = revision
      floor = later(floor, { revision, until: now() + keepSeconds * 1000 })
    },
    coversAny: asOf => asOf < newest,
    covers(key, asOf) {
      return above(floor, asOf, now) || above(marks.get(key), asOf, now)
    },
  }
}

function above(mark: Mark | undefined, asOf: Revision, now: () => Instant): boolean {
  return mark !== undefined && asOf < mark.revision && now() < mark.until
}

function later(one: Mark | undefined, other: Mark): Mark {
  if (one === undefined) return other
  return one.revision > other.revision ? { revision: one.revision, until: other.until } : other
}
