/**
 * Whether a message is chunked and nothing else. `codings`: all of its `Transfer-Encoding`, joined with commas. Parsers differ
 * in what they make of parameters, empty places and repeats (RFC 9112, 6.1), and llhttp does not take `chunked` with a tab
 * behind it for chunked, so those are something else.
 */
export function isChunked(codings: string): boolean {
  return /^[ \t]*chunked *$/i.test(codings)
}

/** Whether the chunks are the outermost coding, so that the end of the body can be found. */
export function endsChunked(codings: string): boolean {
  return /(?:^|,)[ \t]*chunked *$/i.test(codings)
}

/** Whether the bytes of a body mean what they are. `identity`, which older servers send, says just that. */
export function isCarried(codings: string): boolean {
  return isChunked(codings) || /^[ \t]*identity *$/i.test(codings)
}
