import { parentPort } from 'node:worker_threads'
import { ZxcvbnFactory, type MatchExtended } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common'
import { dictionary as english } from '@zxcvbn-ts/language-en'

/** What makes a password easy to guess. */
export type Weakness =
  /** One of the common passwords. */
  | 'common'
  /** A common password with a little added. */
  | 'like-common'
  /** Common words or names, too few of them. */
  | 'few-words'
  | 'repeat'
  | 'sequence'
  | 'date'
  | 'keyboard'
  /** No pattern, but too little of it. */
  | 'guessable'

/** How many guesses a text takes, and what an attacker would make use of. */
export interface Estimate {
  readonly guesses: number
  readonly weakness: Weakness
}

/** Characters that are judged: with them, what is long enough to be strong has long been. */
const longestJudged = 40

/** Words of each list: what is rarer is hardly easier to guess than its letters, and loading takes half the time. */
const mostWords = 20_000

/** Spellings such as `p4ssw0rd` that are tried. Each costs as much as the text itself. */
const mostSpellings = 12

// This file is the program of a thread: see `strength.ts`.
parentPort?.on('message', ({ id, texts }: { readonly id: number; readonly texts: readonly string[] }) => {
  parentPort?.postMessage({ id, estimates: texts.map(estimate) })
})

/**
 * The lists by rank. Left out: the Diceware list, which is in alphabetical order, and words of series such as days, of
 * which the estimator takes any few in a row for a series.
 */
const dictionary = {
  passwords: common['passwords-common'],
  words: english['commonWords-en'].slice(0, mostWords),
  wikipedia: english['wikipedia-en'].slice(0, mostWords),
  firstnames: english['firstnames-en'],
  lastnames: english['lastnames-en'].slice(0, mostWords),
}

const estimator = new ZxcvbnFactory({
  dictionary,
  graphs: adjacencyGraphs,
  maxLength: longestJudged,
  l33tMaxSubstitutions: mostSpellings,
})

function estimate(text: string): Estimate {
  if (text === '') return { guesses: 1, weakness: 'guessable' }
  const { guesses, sequence } = estimator.check(text)
  return { guesses, weakness: weaknessIn(sequence) }
}

/** The pattern that explains most of the text. */
function weaknessIn(sequence: readonly MatchExtended[]): Weakness {
  const [longest] = sequence.toSorted((a, b) => b.token.length - a.token.length)
  switch (longest?.pattern) {
    case 'repeat':
      return 'repeat'
    case 'sequence':
      return 'sequence'
    case 'date':
    case 'regex': // its one expression is for years
      return 'date'
    case 'spatial':
      return 'keyboard'
    case 'dictionary':
      if (longest['dictionaryName'] !== 'passwords') return 'few-words'
      return sequence.length === 1 ? 'common' : 'like-common'
    default:
      return 'guessable'
  }
}
