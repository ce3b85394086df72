/** The page's own cookies. Browsers send them with every path of this host, and only the page may see or set them. */
const pageCookie = /^(?:__Host-)?altgate(?:-|$)/i

/** A `Cookie` header without the page's own: an upstream that had them could act as the person. */
export function withoutPageCookies(header: string): string {
  if (!/altgate/i.test(header)) return header
  return header
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair !== '' && !pageCookie.test(nameOf(pair)))
    .join('; ')
}

/**
 * Whether a `Set-Cookie` header would replace one of the page's own: an upstream could plant a session. Of a cookie
 * without a name browsers send the value alone, so `=altgate=x` comes back as `altgate=x`.
 */
export function setsPageCookie(header: string): boolean {
  return pageCookie.test(nameOf(header.replace(/^\s*=/, '')))
}

function nameOf(pair: string): string {
  return (pair.split(/[=;]/, 1)[0] ?? '').trim()
}
