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
}

/** The terms in one dialect. */
export interface Presented {
  readonly contentType: string
  /** Beside those that every dialect has. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** Puts the terms into one dialect; adds no sentence and no status of its own. */
export type Presenter = (terms: Terms, setting: Setting) => Presented

/** All that is said, on one line. */
export function onOneLine({ text, link }: Terms, requestId: string): string {
  return [...text, ...(link === undefined ? [] : [link]), `Reference: ${requestId}`].join(' ')
}
