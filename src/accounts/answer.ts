import { scopeOf, type Connection } from '../gateway/account.ts'
import type { DirectoryId, Instant, Scope } from '../gateway/names.ts'

/** The source's answer to one question about an account. */
export type Answer =
  | { readonly found: 'directory'; readonly id: DirectoryId }
  | { readonly found: 'msa' }
  | { readonly found: 'none' }
  | { readonly found: 'unknown'; readonly because: Doubt }

/** Why the source could not tell. A closed list, because it is a metric label and no input may go into a message. */
export type Doubt =
  | 'unreachable'
  | 'timeout'
  | 'throttled'
  | 'status'
  | 'unreadable'
  | 'no-directory'
  | 'conflict'
  | 'no-signal'

/** A conclusive answer. */
export type Certain = Exclude<Answer, { readonly found: 'unknown' }>

/** The outcome of a question, as a metric label. */
export type AnswerLabel = Certain['found'] | Doubt

/** A conclusive answer in one word, the same in memory and in Redis: the account's scope, or `none`. */
export type Claim = Scope | 'none'

/** A claim, and when its question was asked. */
export interface Dated {
  readonly claim: Claim
  readonly at: Instant
}

export function claimOf(answer: Certain): Claim {
  if (answer.found === 'none') return 'none'
  return answer.found === 'msa' ? scopeOf({ kind: 'msa' }) : scopeOf(connectionTo(answer.id))
}

/** A connection to a directory of which only the id is known, which also serves as its name. */
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
  throttled: 'it is limiting requests from this gateway',
  status: 'it returned a status that says nothing about the account',
  unreadable: 'it returned something that is not a directory id',
  'no-directory': 'it named an authority that is not a directory',
  conflict: 'its headers contradict each other',
  'no-signal': 'its headers say nothing about the account',
}
