import { isIP } from 'node:net'
import { z } from 'zod'
import { Secret } from '../gateway/secret.ts'

// Settings are read once: compiling a parser for each group would take longer than all of the reading.
z.config({ jitless: true })

/** A whole number within bounds, both included. Its unit is in the name of the setting. */
export function whole(
  least: number,
  most: number,
  error = `must be a whole number from ${least} to ${most}`,
) {
  return z.int({ error }).min(least, { error }).max(most, { error })
}

/** Text that is not empty and matches `pattern`. */
export function text(error = 'must be text', pattern = /./u) {
  return z.string({ error }).regex(pattern, { error })
}

/** One of a few words. */
export function word<const Word extends string>(...words: readonly [Word, ...Word[]]) {
  return z.enum(words, { error: `must be ${words.map(each => `"${each}"`).join(' or ')}` })
}

/** `auto`, or the number that `auto` would determine. */
export function autoOr(most: number) {
  const error = `must be "auto" or a whole number from 1 to ${most}`
  return z.union([z.literal('auto'), whole(1, most, error)], { error })
}

/** The path of a file. The introduction of the manual says what it is relative to. */
export function filePath() {
  return text('must be the path of a file', /^[^\0]+$/u)
}

/** Text that must not be shown: a `Secret` from here on. `writeOnly` is JSON Schema's word for it. */
export function secret(error: string, pattern: RegExp) {
  return text(error, pattern).transform(value => new Secret(value))
}

/**
 * A secret whose file is read again when it changes: `{ file: PATH }` stays a reference, with an absolute path. Its `meta`
 * must say `followed`.
 */
export function followedSecret(error: string, pattern: RegExp) {
  return z.union([secret(error, pattern), z.strictObject({ file: filePath() })], { error })
}

/** Where a socket listens: an address or a host name. */
export function host() {
  return text('must be a host name or an IP address', /^[\w.:-]+$/u)
}

/** An address or a range of addresses: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`. */
export function addressRange() {
  const error = 'must be an IP address or a range such as 10.0.0.0/8'
  return z
    .string({ error })
    .refine(isAddressRange, { error })
    .refine(value => !/\/0+$/.test(value), {
      error: 'must not include all addresses: any client could then impersonate another',
    })
}

function isAddressRange(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/')
  const version = isIP(address)
  if (version === 0 || address.includes('%') || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** The address of a site: scheme, host and port only. A trailing slash is removed. */
export function siteUrl() {
  const error = 'must be an http or https address without a path, such as https://git.example.com'
  return z
    .string({ error })
    .refine(isSite, { error })
    .transform(value => new URL(value).origin)
}

function isSite(value: string): boolean {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) return false
  return url.href === `${url.origin}/` && !/[?#]/.test(value)
}

/** An http(s) address for each account, with `{account}` in the place of its name. */
export function accountUrl() {
  const error =
    'must be an http or https address with {account} in it, such as https://dev.azure.com/{account}/'
  return z.string({ error }).refine(isAccountUrl, { error })
}

function isAccountUrl(value: string): boolean {
  const url = URL.parse(value.replaceAll('{account}', 'a'))
  if (url === null || !value.includes('{account}')) return false
  return /^https?:$/.test(url.protocol) && url.username === '' && !/[?#]/.test(value)
}
