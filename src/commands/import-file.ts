import { foldUsername, type Username } from '../gateway/names.ts'
import type { NewCredential } from '../gateway/registry.ts'
import { readImportedHash } from '../hashing/imported.ts'
import { primaryFault, secondaryFault } from '../passwords/usernames.ts'

/** What an import file holds. With one fault nothing of it may be used. */
export interface ImportFile {
  readonly credentials: readonly NewCredential[]
  /** Whole sentences, each with the number of its line, and never a word of the line itself. */
  readonly faults: readonly string[]
}

/** Reads `user:hash` and `user:hash:secondary` lines. */
export function readImportFile(bytes: Uint8Array): ImportFile {
  const credentials: NewCredential[] = []
  const faults: string[] = []
  const firstLines = new Map<Username, number>()

  for (const [index, line] of linesOf(bytes).entries()) {
    const text = line === undefined ? undefined : line.trim()
    if (text === '' || text?.startsWith('#')) continue
    const number = index + 1
    const read = text === undefined ? 'is not UTF-8' : readLine(text)
    const fault = typeof read === 'string' ? read : repeated(read, firstLines, number)
    if (typeof read === 'string' || fault !== undefined) faults.push(`line ${number}: ${fault}`)
    else credentials.push(read)
  }
  return { credentials, faults }
}

/** Each line by itself, so that one wrong byte is told with its line. */
function linesOf(bytes: Uint8Array): readonly (string | undefined)[] {
  const whole = decode(bytes)
  if (whole !== undefined) return whole.split('\n')
  return Buffer.from(bytes)
    .toString('latin1')
    .split('\n')
    .map(line => decode(Buffer.from(line, 'latin1')))
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** A credential, or what is wrong with the line. */
function readLine(line: string): NewCredential | string {
  const [user = '', imported, secondary, ...more] = line.split(':')
  if (imported === undefined || more.length > 0) return 'is not user:hash or user:hash:secondary'
  const fault = primaryFault(user) ?? (secondary === undefined ? undefined : secondaryFault(secondary))
  if (fault !== undefined) return fault
  const hash = readImportedHash(imported)
  if (hash === 'algorithm') return 'the hash is neither bcrypt nor argon2'
  if (hash === 'malformed') return 'the hash is damaged'
  if (hash === 'too-dear') return 'the hash costs too much time or memory to check'
  return {
    username: foldUsername(user),
    hash,
    ...(secondary !== undefined && { secondary: foldUsername(secondary) }),
  }
}

/** Primary and secondary user names share one name space. */
function repeated(
  { username, secondary }: NewCredential,
  firstLines: Map<Username, number>,
  number: number,
): string | undefined {
  for (const name of secondary === undefined ? [username] : [username, secondary]) {
    const first = firstLines.get(name)
    if (first !== undefined) return `a user name of it stands in line ${first} already`
    firstLines.set(name, number)
  }
  return undefined
}
