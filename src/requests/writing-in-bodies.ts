import type { BodyLook } from './body-start.ts'
import { isReading, isSame, operationIn } from './soap.ts'
import type { BodyDecides } from './writes.ts'

/** What the body of a request must show so that it is forwarded for a password that may only read. */
export function readingIn({ format, action }: BodyDecides): BodyLook<'reads' | 'writes'> {
  if (format === 'lfs-batch') return batch
  return {
    maxBytes: 64 * 1024, // Team Explorer Everywhere names the operation within the first 500 bytes
    look(bytes) {
      const text = decoded(bytes)
      if (text === undefined) return 'writes'
      const operation = operationIn(text)
      if (operation === undefined) return undefined
      const isClaimed = action === undefined || isSame(action, operation)
      return isClaimed && isReading(operation) ? 'reads' : 'writes'
    },
  }
}

/** git-lfs asks for 100 objects at a time, in 12 KB. */
const batch: BodyLook<'reads' | 'writes'> = {
  maxBytes: 2 ** 20,
  look(bytes, isWhole) {
    if (!isWhole) return undefined
    return isDownload(bytes) ? 'reads' : 'writes'
  },
}

/**
 * Whether every JSON parser finds one operation, and it is `download`. Go's also finds `OPERATION`, and parsers differ in
 * which of two equal names they take.
 */
function isDownload(bytes: Buffer): boolean {
  // A byte order mark is not JSON (RFC 8259, 8.1).
  const text = bytes[0] === 0xef ? undefined : decoded(bytes)
  const request = text === undefined ? undefined : parsed(text)
  if (text === undefined || typeof request !== 'object' || request === null || Array.isArray(request))
    return false
  const operations = topLevelNames(text).filter(name => name.toLowerCase().trim() === 'operation')
  return operations.length === 1 && 'operation' in request && request.operation === 'download'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The names in the outermost object of valid JSON, with repeats. */
function topLevelNames(json: string): readonly string[] {
  const names: string[] = []
  let depth = 0
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:[ \t\r\n]*:)?|[{}[\]]/g))
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && token.endsWith(':'))
      names.push(String(JSON.parse(token.replace(/[ \t\r\n]*:$/, ''))))
  return names
}

/** A character may be cut at the end. `undefined`: not UTF-8. */
function decoded(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}
