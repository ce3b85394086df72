import { paragraph } from './plain-text.ts'
import type { Presented, Setting } from './presenter.ts'
import type { Terms } from './terms.ts'

/** For git and everybody else: git shows a body only as `text/plain`, and takes it for Latin-1 unless told. */
export function inText({ text, link, aside }: Terms, { requestId }: Pick<Setting, 'requestId'>): Presented {
  const lines = [
    ...text.flatMap(paragraph),
    ...(link === undefined ? [] : [link]),
    ...(aside === undefined ? [] : [...paragraph(aside.sentence), aside.command]),
    `Reference: ${requestId}`,
  ]
  return { contentType: 'text/plain; charset=utf-8', body: `${lines.join('\n')}\n` }
}
