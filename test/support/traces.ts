import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Which of these secrets stand in a text: as they are, percent-encoded, in hexadecimal, or somewhere in Base64. */
export function tracesOf(secrets: readonly string[], text: string | Buffer): readonly string[] {
  return secrets.flatMap(secret =>
    [...spellingsOf(secret)]
      .filter(([spelling]) => text.includes(spelling))
      .map(([, name]) => `${secret} ${name}`),
  )
}

/**
 * Every file below a folder, or those alone that were written since a time, in milliseconds: most files of a PostgreSQL are as
 * they were copied, with their times.
 */
export function filesIn(
  directory: string,
  since = 0,
): readonly { readonly path: string; readonly bytes: Buffer }[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -1) >= since)
    .map(path => ({ path, bytes: readFileSync(path) }))
}

/** With the name of each. Most are the same in several ways, and a database is looked through once for each. */
function spellingsOf(secret: string): ReadonlyMap<string, string> {
  const hex = Buffer.from(secret).toString('hex')
  const base64 = [0, 1, 2].map(before => base64Inside(secret, before))
  return new Map([
    ...base64.map(each => [each.replaceAll('+', '-').replaceAll('/', '_'), 'in Base64'] as const),
    ...base64.map(each => [each, 'in Base64'] as const),
    [hex.toUpperCase(), 'in hexadecimal'],
    [hex, 'in hexadecimal'],
    [encodeURIComponent(secret), 'percent-encoded'],
    [secret, 'as it is'],
  ])
}

/** The characters that Base64 has for it wherever so many bytes (modulo three) stand before it. */
function base64Inside(secret: string, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
  const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64')
  return before === 0 ? whole : whole.slice(4)
}
