import { dialectOf, isForGit, soapVersion, type Asking, type Dialect } from './dialect.ts'
import type { Ending } from './ending.ts'
import { inHtml } from './in-html.ts'
import { inLfs } from './in-lfs.ts'
import { inRest } from './in-rest.ts'
import { inSoap } from './in-soap.ts'
import { inText } from './in-text.ts'
import { inTransfer } from './in-transfer.ts'
import { keepBoth } from './keep-both.ts'
import { lastWord, loopsInLfs } from './lfs-loop.ts'
import { besideTheBody } from './package-clients.ts'
import type { Presented, Presenter, Setting } from './presenter.ts'
import { termsOf, type Terms } from './terms.ts'

/** A whole answer that the gateway itself makes. */
export interface Answer {
  readonly status: number
  /** The reason phrase; the usual one if left out. */
  readonly reason?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What an answer says beside the ending. */
export type Context = Omit<Setting, 'outcome' | 'soap'>

/** The answer to a request, in the dialect that its client understands. */
export function answerTo(asking: Asking, ending: Ending, context: Context): Answer {
  const told = termsOf(ending, context.publicUrl)
  let terms = loopsInLfs(ending, asking) ? lastWord(told) : told
  const dialect = dialectOf(asking)
  if (dialect === 'lfs' || isForGit(asking)) terms = keepBoth(terms, ending, context)
  const setting = {
    ...context,
    outcome: ending.outcome,
    ...(dialect === 'soap' && { soap: soapVersion(asking) }),
  }
  const whole = complete(terms, presenters[dialect](terms, setting), ending, context)
  const { headers, ...beside } = besideTheBody(asking, terms, context.requestId)
  return { ...whole, ...beside, headers: { ...whole.headers, ...headers } }
}

/**
 * The answer in plain text: for bytes that are no request, and for people who ask the command line what git would be
 * told. `naming`: left out where nothing could be read.
 */
export function answer(ending: Ending, context: Omit<Context, 'naming'> & Partial<Context>): Answer {
  const terms = keepBoth(termsOf(ending, context.publicUrl), ending, context)
  return complete(terms, inText(terms, context), ending, context)
}

const presenters: Readonly<Record<Dialect, Presenter>> = {
  text: inText,
  lfs: inLfs,
  soap: inSoap,
  transfer: inTransfer,
  rest: inRest,
  html: inHtml,
}

/** With what every answer carries, in every dialect. */
function complete(
  terms: Terms,
  presented: Presented,
  { outcome }: Ending,
  { requestId }: Pick<Context, 'requestId'>,
): Answer {
  return {
    status: presented.status ?? terms.status,
    headers: {
      'Content-Type': presented.contentType,
      'Cache-Control': 'no-store',
      Vary: 'Authorization',
      'X-Altgate-Outcome': outcome,
      'X-Request-Id': requestId,
      ...terms.headers,
      ...presented.headers,
    },
    body: presented.body,
  }
}
