/** The fields of a form or a query, each given once. */
export type Fields = ReadonlyMap<string, string>

const mostFields = 20

/**
 * Reads `application/x-www-form-urlencoded`. `undefined`: it cannot be read in one way only: an escape that is no
 * UTF-8, bytes that no browser sends unescaped, a field given twice, or more fields than any form here has.
 */
export function readFields(text: string): Fields | undefined {
  if (!/^[!-~]*$/.test(text)) return undefined
  const fields = new Map<string, string>()
  const pairs = text.split('&').filter(pair => pair !== '')
  if (pairs.length > mostFields) return undefined
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    const name = decoded(equals === -1 ? pair : pair.slice(0, equals))
    const value = decoded(equals === -1 ? '' : pair.slice(equals + 1))
    if (name === undefined || value === undefined || fields.has(name)) return undefined
    fields.set(name, value)
  }
  return fields
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
