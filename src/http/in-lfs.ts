import type { Presenter } from './presenter.ts'

/**
 * For git-lfs (docs/api/batch.md, Response Errors), which prints `message` and nothing else; of another type of answer
 * it prints the address that it asked for. The other two are for programs.
 */
export const inLfs: Presenter = ({ text, link, aside }, { requestId }) => {
  const lines = [
    text.join(' '),
    ...(link === undefined ? [] : [link]),
    ...(aside === undefined ? [] : [aside.sentence, aside.command]),
    `Reference: ${requestId}`,
  ]
  const said = {
    message: lines.join('\n'),
    ...(link !== undefined && { documentation_url: link }),
    request_id: requestId,
  }
  return { contentType: 'application/vnd.git-lfs+json', body: `${JSON.stringify(said)}\n` }
}
