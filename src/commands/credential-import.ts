import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { foldUsername, type Scope, type Username } from '../gateway/names.ts'
import { algorithmOf } from '../gateway/ports.ts'
import type { NewCredential } from '../gateway/registry.ts'
import { readImportedHash } from '../hashing/hash-string.ts'
import { primaryFault, secondaryFault } from '../passwords/usernames.ts'
import { unreadable } from '../settings/document.ts'
import { scope as readScope } from './arguments.ts'
import { insist } from './failure.ts'
import { examples } from './help.ts'
import { clearProgress, note, say, showProgress } from './say.ts'
import { actor, type Toolbox } from './tools.ts'

const aboutFile = `
One credential per line, as htpasswd writes them: user:hash, or
user:hash:secondary. Empty lines and lines that begin with # are skipped.
Hashes: bcrypt ($2b$, $2y$, $2a$) and argon2 ($argon2id$ and its variants). Each
is replaced by our own argon2id at its first use, except a bcrypt hash of a
password of 72 bytes or more, because bcrypt ignores the rest. All or nothing:
if one line is invalid, nothing is imported. Existing credentials are replaced.`

/** Faults that are printed; the rest are counted. */
const mostFaults = 20

/** `altgate credential import`. */
export function addImport(credential: Command, toolbox: Toolbox): void {
  credential
    .command('import')
    .description('import credentials with hashed passwords from an htpasswd file')
    .argument('<FILE>', 'the file, or - for standard input')
    .requiredOption('--scope <S>', 'the scope they count in: msa, or the id of a directory', readScope)
    .addHelpText('after', aboutFile)
    .addHelpText('after', examples('credential import users.htpasswd --scope msa'))
    .action((file: string, { scope }: { scope: Scope }) => {
      toolbox.settings()
      const name = file === '-' ? 'standard input' : file
      const { credentials, faults } = readImportFile(readBytes(file))
      if (faults.length > 0) throw new Failure(listed(name, faults))
      if (credentials.length === 0)
        throw new Failure(`There is no credential in ${name}. Nothing was imported.`)
      return toolbox.use(async ({ registry }) => {
        const progress = showProgress(credentials.length)
        try {
          await insist(registry.importCredentials(actor(), scope, credentials, progress))
        } finally {
          clearProgress()
        }
        say(`${credentials.length} credentials were imported into scope ${scope}.`)
        const inPart = credentials.filter(({ hash }) => algorithmOf(hash) === 'bcrypt').length
        if (inPart > 0) note(aboutBcrypt(inPart))
      })
    })
}

/** A hash does not tell how long its password is: the log names a credential when a long one is presented. */
function aboutBcrypt(many: number): string {
  return `Hashed with bcrypt: ${many}. bcrypt ignores everything after the first 72 bytes of a password. Users with longer
passwords keep that hash, and any password with the same first 72 bytes is accepted, until they set a new one; the
log of the gateway names them when they sign in.`
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    throw new Failure(`${file === '-' ? 'Standard input' : `The file ${file}`} ${unreadable(error)}.`)
  }
}

function listed(name: string, faults: readonly string[]): string {
  const more = faults.length - mostFaults
  return [
    `Nothing was imported: ${faults.length === 1 ? 'a line' : `${faults.length} lines`} of ${name} cannot be used.`,
    ...faults.slice(0, mostFaults).map(fault => `  ${fault}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n')
}

/** What an import file holds. If there is a fault, none of it may be used. */
interface ImportFile {
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

/** Decodes each line by itself, so that an invalid byte is reported with its line. */
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
  if (hash === 'malformed') return 'the hash is malformed'
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
    if (first !== undefined) return `it repeats a user name of line ${first}`
    firstLines.set(name, number)
  }
  return undefined
}
