import type { Throttling } from '../gateway/throttle.ts'
import type { Counter, Familiar, Guess } from './rules.ts'

/** Where guesses are noted. */
export interface Book {
  /**
   * Notes a guess in every counter that is to have it, or, if one of them has no room, in none. Where the address is
   * familiar that is `own`, and beyond it the password that was right there is let through while `reserve` has room.
   */
  enter(guess: Guess): Entered
  /** Takes a guess out of these counters. */
  strike(counters: readonly Counter[]): void
  /** From now on, for some days, guesses with this mark are no stranger's. */
  befriend(familiar: Familiar): void
}

/** The counters in which the guess was not before. */
export type Entered = readonly Counter[] | Throttling

/**
 * Seconds for which an address is familiar after a password was right: a holiday away it is strange again, and gets in
 * unless somebody guesses at that very time.
 */
export const familiarSeconds = 7 * 86_400
