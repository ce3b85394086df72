import type { Instant, Revision } from './names.ts'

/**
 * What a memory was told to forget, so that no late writer brings it back: somebody who read the store before a
 * change and remembers after it. Nothing needs to be deleted: what is covered counts as not there.
 */
export interface Forgotten<Key> {
  /** Nothing about `key` that was read as of an earlier revision is believed. */
  add(key: Key, revision: Revision): void
  /** The same for every key. */
  addAll(revision: Revision): void
  /** Whether that is so of any key: false for whatever was read as of the last change or later, whoever it is about. */
  coversAny(asOf: Revision): boolean
  /** Whether what was read about `key`, as of this revision, must not be believed. */
  covers(key: Key, asOf: Revision): boolean
}

export interface ForgottenOptions {
  /** How many keys are told apart; beyond that the oldest are forgotten together, as with `addAll`. */
  readonly most: number
  /** Seconds; at least as long as anything is remembered. */
  readonly keepSeconds: number
  readonly now: () => Instant
}

/**
 * Seconds after which no writer is late any more: no check and no transaction takes ten minutes. There must be an
 * end, because an announced change can be rolled back: its revision is then not reached until the next change, and
 * so long nothing about its keys can be remembered.
 */
export const lateSeconds = 600

interface Mark {
  readonly revision: Revision
  readonly until: Instant
}

export function createForgotten<Key>({ most, keepSeconds, now }: ForgottenOptions): Forgotten<Key> {
  const marks = new Map<Key, Mark>() // the one marked last is last
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

  /** Bounded, and still safe: what one key no longer remembers, all of them do. */
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
