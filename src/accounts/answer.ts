import { scopeOf, type Connection } from '../gateway/account.ts'
import type { DirectoryId, Instant, Scope } from '../gateway/names.ts'

/** What the source said about an account, asked once. */
export type Answer =
  | { readonly found: 'directory'; readonly id: DirectoryId }
  | { readonly found: 'msa' }
  | { readonly found: 'none' }
  | { readonly found: 'unknown'; readonly because: Doubt }

/** Why the source could not tell. A closed list: it is a label of a metric, and no input ever goes into a message. */
export type Doubt =
  | 'unreachable'
  | 'timeout'
  | 'throttled'
  | 'status'
  | 'unreadable'
  | 'no-directory'
  | 'conflict'
  | 'no-signal'

/** An answer in which the source could tell. */
export type Certain = Exclude<Answer, { readonly found: 'unknown' }>

/** What a question told, as the label of a metric. */
export type Told = Certain['found'] | Doubt

/** A certain answer in one word, the same in memory and in Redis: the scope of the account, or that there is none. */
export type Claim = Scope | 'none'

/** When the question was asked that was answered like this. */
export interface Dated {
  readonly claim: Claim
  readonly at: Instant
}

export function claimOf(answer: Certain): Claim {
  if (answer.found === 'none') return 'none'
  return answer.found === 'msa' ? scopeOf({ kind: 'msa' }) : scopeOf(connectionTo(answer.id))
}

/** A connection to a directory of which no more than the id is known: that is its name, too. */
export function connectionTo(directoryId: DirectoryId): Connection {
  return { kind: 'entra', directoryId, directoryName: directoryId }
}

/** An answer for the operator. */
export function answerText(answer: Answer): string {
  switch (answer.found) {
    case 'directory':
      return `directory ${answer.id}`
    case 'msa':
      return 'Microsoft accounts'
    case 'none':
      return 'there is no such account'
    case 'unknown':
      return `cannot tell: ${sentenceOf(answer.because)}`
  }
}

/** For the operator. */
export function sentenceOf(because: Doubt): string {
  return sentences[because]
}

const sentences: Readonly<Record<Doubt, string>> = {
  unreachable: 'it cannot be reached',
  timeout: 'it did not answer in time',
  throttled: 'it says that it is asked too often',
  status: 'it answered with a status that says nothing about the account',
  unreadable: 'it named something that is no directory id',
  'no-directory': 'it named an authority that is nobody’s directory',
  conflict: 'its headers contradict each other',
  'no-signal': 'its headers say nothing about the account',
}
