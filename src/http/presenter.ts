import type { Naming } from '../gateway/account.ts'
import type { Ending } from './ending.ts'
import type { Terms } from './terms.ts'

/** What a presenter may say beside the terms. */
export interface Setting {
  readonly outcome: Ending['outcome']
  readonly requestId: string
  /** How people reach the gateway, without a trailing slash. */
  readonly publicUrl: string
  readonly naming: Naming
  /** The SOAP that the request is written in, if it is. */
  readonly soap?: '1.1' | '1.2' | undefined
}

/** The terms in one dialect. */
export interface Presented {
  /** Where the dialect's clients can read the text on this status alone: in the place of that of the terms. */
  readonly status?: number
  readonly contentType: string
  /** Beside those that every dialect has. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** Puts the terms into one dialect; adds no sentence of its own. */
export type Presenter = (terms: Terms, setting: Setting) => Presented

/** All that is said, on one line. */
export function onOneLine({ text, link }: Terms, requestId: string): string {
  return [...text, ...(link === undefined ? [] : [link]), `Reference: ${requestId}`].join(' ')
}

/** What an error is called by those who tell errors apart by a name: `reset-needed` is `ResetNeededException`. */
export function exceptionOf(outcome: Setting['outcome']): string {
  return `${outcome.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Exception`
}
