import { Failure } from '../common/failure.ts'
import { foldUsername, type Owner, readScope, type Scope, type Username } from '../gateway/names.ts'
import type { NewCredential } from '../gateway/registry.ts'
import { type HashFlaw, readImportedHash } from '../hashing/hash-string.ts'
import { primaryFault, secondaryFault } from '../passwords/usernames.ts'

/** How an import file is written. */
export type ImportFormat = 'htpasswd' | 'csv' | 'jsonl'

/** A credential of an import file. Without a hash, users have to set a password. */
export type ImportedCredential = Omit<NewCredential, 'hash'> & Partial<Pick<NewCredential, 'hash'>>

/** A line that can be used. */
export interface ImportLine {
  readonly line: number
  readonly credential: ImportedCredential
}

/** A line that cannot be used. The reason never has a word of the line itself, which may be a password. */
export interface RefusedLine {
  readonly line: number
  readonly reason: string
}

/** What an import file holds. */
export interface ImportFile {
  readonly format: ImportFormat
  readonly lines: readonly ImportLine[]
  readonly refused: readonly RefusedLine[]
  /** Lines of an export about something else: accounts, directories, members, or credentials of another scope. */
  readonly elsewhere: number
}

export interface ImportFileOptions {
  readonly scope: Scope
  /** Left out: found out from the first line. */
  readonly format?: ImportFormat
  /** Makes an address of a plain user name, which becomes the secondary one if there is no other. */
  readonly domain?: string
}

/** A user as the file has them, in text. */
interface Entry {
  readonly user: string
  readonly hash: string | undefined
  readonly secondary: string | undefined
  readonly enabled?: boolean
  readonly owner?: string
}

type ReadLine = { readonly line: number } & (
  | { readonly entry: Entry }
  | { readonly reason: string }
  | { readonly elsewhere: true }
)

/** Reads a whole file. Throws `Failure` if it is CSV with a header that says too little. */
export async function readImportFile(bytes: Uint8Array, options: ImportFileOptions): Promise<ImportFile> {
  const texts = linesOf(bytes)
  const format = options.format ?? formatOf(texts)
  return judged(format, await readers[format](texts, options.scope), options)
}

/** Objects as they would stand in JSON lines, numbered from 1. */
export function readImportObjects(
  objects: readonly unknown[],
  options: Omit<ImportFileOptions, 'format'>,
): ImportFile {
  const read = objects.map((each, index) => ({ line: index + 1, ...entryIn(objectIn(each), options.scope) }))
  return judged('jsonl', read, options)
}

function judged(
  format: ImportFormat,
  all: readonly ReadLine[],
  options: Pick<ImportFileOptions, 'domain'>,
): ImportFile {
  const lines: ImportLine[] = []
  const refused: RefusedLine[] = []
  let elsewhere = 0
  const firstLines = new Map<Username, number>()

  for (const read of all) {
    const { line } = read
    if ('elsewhere' in read) {
      elsewhere += 1
      continue
    }
    const credential = 'entry' in read ? credentialOf(read.entry, options.domain) : read.reason
    const reason = typeof credential === 'string' ? credential : repeated(credential, firstLines, line)
    if (typeof credential === 'string' || reason !== undefined) refused.push({ line, reason: `${reason}` })
    else lines.push({ line, credential })
  }
  return { format, lines, refused, elsewhere }
}

/** `undefined`: not UTF-8. Each line is decoded by itself then, so that an invalid byte is reported with its line. */
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

function isSkipped(text: string | undefined): boolean {
  const trimmed = text?.trim()
  return trimmed === '' || trimmed?.startsWith('#') === true
}

/** By the first line that is neither empty nor a comment. */
function formatOf(texts: readonly (string | undefined)[]): ImportFormat {
  const first = texts.find(text => text !== undefined && !isSkipped(text))?.trim() ?? ''
  if (/^\{\s*"/.test(first)) return 'jsonl'
  return headerIn(first) === undefined ? 'htpasswd' : 'csv'
}

const readers: Readonly<
  Record<
    ImportFormat,
    (
      texts: readonly (string | undefined)[],
      scope: Scope,
    ) => readonly ReadLine[] | Promise<readonly ReadLine[]>
  >
> = { htpasswd: readHtpasswd, csv: readCsv, jsonl: readJsonLines }

const notText = 'is not UTF-8'

function readHtpasswd(texts: readonly (string | undefined)[]): readonly ReadLine[] {
  return eachLine(texts, text => {
    const [user = '', hash, secondary, ...more] = text.split(':')
    if (hash === undefined || more.length > 0) return { reason: 'is not user:hash or user:hash:secondary' }
    return { entry: { user, hash, secondary } }
  })
}

type LineRead = { readonly entry: Entry } | { readonly reason: string } | { readonly elsewhere: true }

function eachLine(
  texts: readonly (string | undefined)[],
  read: (text: string) => LineRead,
): readonly ReadLine[] {
  return texts.flatMap((text, index) => {
    if (isSkipped(text)) return []
    const found = text === undefined ? { reason: notText } : read(text.trim())
    return [{ line: index + 1, ...found }]
  })
}

/** The names that columns may have, in lower case with underscores. */
const columnNames = {
  user: ['user', 'username', 'user_name', 'login', 'email', 'e_mail', 'email_address', 'mail'],
  hash: ['hash', 'password_hash', 'passwordhash', 'password'],
  secondary: ['secondary', 'secondary_username', 'secondary_user_name', 'alias'],
  enabled: ['enabled', 'active'],
} as const

type Column = keyof typeof columnNames

/** Where each column is, and what separates them. */
interface Header {
  readonly delimiter: string
  readonly at: Readonly<Record<Column, number>>
}

function headerIn(first: string): Header | undefined {
  for (const delimiter of [',', ';', '\t']) {
    const cells = first.split(delimiter).map(cell =>
      cell
        .trim()
        .replaceAll(/^"|"$/g, '')
        .toLowerCase()
        .replaceAll(/[\s-]+/g, '_'),
    )
    const at = (column: Column) => {
      const name = columnNames[column].find(each => cells.includes(each))
      return name === undefined ? -1 : cells.indexOf(name)
    }
    const found = { user: at('user'), hash: at('hash'), secondary: at('secondary'), enabled: at('enabled') }
    if (found.user !== -1 && found.hash !== -1) return { delimiter, at: found }
  }
  return undefined
}

const noHeader = `The first line is no header of a CSV file: it has to name a column for the user name (${columnNames.user.join(', ')}) and one for the hash (${columnNames.hash.join(', ')}), separated by commas, semicolons or tabs. Nothing was imported.`

async function readCsv(texts: readonly (string | undefined)[]): Promise<readonly ReadLine[]> {
  const first = texts.findIndex(text => !isSkipped(text))
  const header = headerIn(texts[first]?.trim() ?? '')
  if (header === undefined) throw new Failure(noHeader)
  const { parse } = await import('csv-parse/sync')
  const unreadable = texts.flatMap((text, index) =>
    text === undefined ? [{ line: index + 1, reason: notText }] : [],
  )
  const body = texts.slice(first + 1).map(text => text ?? '')
  const read: ReadLine[] = []
  const lineOf = (lines: unknown) => first + 1 + Number(lines)
  parse(body.join('\n'), {
    delimiter: header.delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    trim: true,
    comment: '#',
    comment_no_infix: true,
    on_record(record: readonly string[], { lines }) {
      read.push({ line: lineOf(lines), ...rowIn(record, header) })
      return null
    },
    on_skip(error) {
      const reason = 'is not CSV: a quotation mark is missing or misplaced'
      read.push({ line: lineOf(error?.['lines']), reason })
    },
  })
  return [...unreadable, ...read].sort((one, other) => one.line - other.line)
}

function rowIn(record: readonly string[], { at }: Header): LineRead {
  const cell = (column: Column) => record[at[column]] ?? ''
  if (cell('user') === '' && cell('hash') === '') return { reason: 'has neither a user name nor a hash' }
  const enabled = cell('enabled') === '' ? true : switches.get(cell('enabled').toLowerCase())
  if (enabled === undefined) return { reason: 'does not say whether it is on: true or false' }
  const secondary = cell('secondary') === '' ? undefined : cell('secondary')
  return { entry: { user: cell('user'), hash: cell('hash'), secondary, enabled } }
}

const switches: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'on', '1'].map(word => [word, true] as const),
  ...['false', 'no', 'off', '0'].map(word => [word, false] as const),
])

function readJsonLines(texts: readonly (string | undefined)[], scope: Scope): readonly ReadLine[] {
  return eachLine(texts, text => entryIn(parsed(text), scope))
}

function entryIn(object: Readonly<Record<string, unknown>> | undefined, scope: Scope): LineRead {
  if (object === undefined) return { reason: 'is not a JSON object' }
  const { kind = 'credential', username, user = username, hash, passwordHash = hash } = object
  const { secondary, enabled = true, scope: of = scope, owner } = object
  if (kind !== 'credential') return { elsewhere: true }
  if (typeof of !== 'string' || readScope(of) === undefined) return { reason: 'its scope is no scope' }
  if (readScope(of) !== scope) return { elsewhere: true }
  if (typeof user !== 'string') return { reason: 'has no user name' }
  if (!isTextOrNone(passwordHash)) return { reason: 'its hash is not a text' }
  if (!isTextOrNone(secondary)) return { reason: 'its secondary user name is not a text' }
  if (!isTextOrNone(owner) || owner === '') return { reason: 'its owner is not a text' }
  if (typeof enabled !== 'boolean') return { reason: 'does not say whether it is on: true or false' }
  // A JSON null is as good as a field that is left out.
  const entry = { user, hash: passwordHash ?? undefined, secondary: secondary ?? undefined, enabled }
  return { entry: { ...entry, ...(owner != null && { owner }) } }
}

function isTextOrNone(value: unknown): value is string | null | undefined {
  return value == null || typeof value === 'string'
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return objectIn(JSON.parse(text))
  } catch {
    return undefined
  }
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
}

/** A credential, or what is wrong with it. */
function credentialOf(entry: Entry, domain: string | undefined): ImportedCredential | string {
  const { user, secondary, enabled = true, owner } = withDomain(entry, domain)
  const fault = primaryFault(user) ?? (secondary === undefined ? undefined : secondaryFault(secondary))
  if (fault !== undefined) return fault
  const hash = entry.hash === undefined ? undefined : readImportedHash(entry.hash)
  if (isFlaw(hash)) return flaws[hash]
  return {
    username: foldUsername(user),
    ...(hash !== undefined && { hash }),
    ...(secondary !== undefined && { secondary: foldUsername(secondary) }),
    ...(!enabled && { enabled }),
    ...(owner !== undefined && { owner: owner as Owner }),
  }
}

function withDomain(entry: Entry, domain: string | undefined): Entry {
  const { user, secondary } = entry
  if (domain === undefined || user === '' || user.includes('@')) return entry
  // Tools go on with the name that they have.
  const known = secondary ?? (secondaryFault(user) === undefined ? user : undefined)
  return { ...entry, user: `${user}@${domain}`, secondary: known }
}

function isFlaw(hash: string | undefined): hash is HashFlaw {
  return hash !== undefined && Object.hasOwn(flaws, hash)
}

const flaws: Readonly<Record<HashFlaw, string>> = {
  algorithm: 'the hash is of a kind that Altgate cannot check',
  yescrypt: 'the hash is yescrypt ($y$), which Altgate cannot check: the user needs a new password',
  'not-hashed': 'the password is not hashed',
  malformed: 'the hash is malformed',
  'too-dear': 'the hash costs too much time or memory to check',
}

/** Primary and secondary user names share one name space. */
function repeated(
  { username, secondary }: ImportedCredential,
  firstLines: Map<Username, number>,
  line: number,
): string | undefined {
  for (const name of secondary === undefined ? [username] : [username, secondary]) {
    const first = firstLines.get(name)
    if (first !== undefined) return `it repeats a user name of line ${first}`
    firstLines.set(name, line)
  }
  return undefined
}
