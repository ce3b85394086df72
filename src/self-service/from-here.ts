import type { IncomingHttpHeaders } from 'node:http'

/**
 * Whether a form comes from a page of ours, as far as browsers say. Pages with `Referrer-Policy: no-referrer` send
 * `Origin: null`, so that proves nothing; then `Sec-Fetch-Site` does, and in any case the token in the form.
 */
export function isFromHere(headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  // Forms navigate. A script that some upstream serves on this origin could send everything else.
  const mode = headers['sec-fetch-mode']
  if (mode !== undefined && mode !== 'navigate') return false
  const { origin } = headers
  if (origin === undefined || origin === 'null') return true
  // `git.example.com.` is the same host: the dot makes the name absolute.
  return origin.replace(/\.(?=:\d+$|$)/, '') === new URL(publicUrl).origin
}
