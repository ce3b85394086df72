import { dialectOf, type Asking, type Dialect } from './dialect.ts'
import type { Ending } from './ending.ts'
import { inHtml } from './in-html.ts'
import { inLfs } from './in-lfs.ts'
import { inRest } from './in-rest.ts'
import { inSoap } from './in-soap.ts'
import { inText } from './in-text.ts'
import { lastWord, loopsInLfs } from './lfs-loop.ts'
import type { Presented, Presenter, Setting } from './presenter.ts'
import { termsOf, type Terms } from './terms.ts'

/** A whole answer that the gateway itself makes. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What an answer says beside the ending. */
export type Context = Omit<Setting, 'outcome'>

/** The answer to a request, in the dialect that its client understands. */
export function answerTo(asking: Asking, ending: Ending, context: Context): Answer {
  const told = termsOf(ending, context.publicUrl)
  const terms = loopsInLfs(ending, asking) ? lastWord(told) : told
  const present = presenters[dialectOf(asking)]
  return complete(terms, present(terms, { ...context, outcome: ending.outcome }), ending, context)
}

/** The answer in plain text: for bytes that are no request, and for people who ask the command line. */
export function answer(ending: Ending, context: Omit<Context, 'naming'>): Answer {
  const terms = termsOf(ending, context.publicUrl)
  return complete(terms, inText(terms, context), ending, context)
}

const presenters: Readonly<Record<Dialect, Presenter>> = {
  text: inText,
  lfs: inLfs,
  soap: inSoap,
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
    status: terms.status,
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
