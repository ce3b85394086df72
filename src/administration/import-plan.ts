import type { Owner, Username } from '../gateway/names.ts'
import { noPassword } from '../gateway/ports.ts'
import type { CredentialRecord, NewCredential } from '../gateway/registry.ts'
import type { ImportedCredential, ImportFile, ImportLine, RefusedLine } from './import-file.ts'

/** What an import will do to the credentials of its scope. */
export interface ImportPlan {
  readonly added: readonly NewCredential[]
  readonly replaced: readonly NewCredential[]
  /** Credentials that exist and stay as they are. */
  readonly kept: number
  /** The lines that the file itself does not allow, and those that the store does not. */
  readonly refused: readonly RefusedLine[]
  /** The user names that exist already, whatever is done about them. */
  readonly existing: readonly Username[]
}

/** What becomes of one line. */
export interface LineResult {
  readonly line: number
  readonly result: 'added' | 'replaced' | 'kept' | 'refused'
  /** Left out of a line that is refused. */
  readonly user?: Username
  readonly reason?: string
}

/** Compares a file with the credentials that exist. `tell` is told of each line that can be used by itself. */
export function planImport(
  file: ImportFile,
  records: readonly CredentialRecord[],
  { replace }: { readonly replace?: boolean | undefined },
  tell: (result: LineResult) => void = () => {},
): ImportPlan {
  const known = new Map(records.flatMap(record => namesOf(record).map(name => [name, record] as const)))
  const owners = new Set(records.flatMap(({ owner }) => owner ?? []))
  const added: NewCredential[] = []
  const replaced: NewCredential[] = []
  const existing: Username[] = []
  const refused: RefusedLine[] = [...file.refused]
  let kept = 0

  for (const { line, credential } of file.lines) {
    const { username } = credential
    const record = known.get(username)
    const reason = reasonAgainst(credential, known, owners)
    if (reason !== undefined) refused.push({ line, reason })
    else if (record === undefined) {
      added.push({ ...credential, hash: credential.hash ?? noPassword })
      if (credential.owner !== undefined) owners.add(credential.owner)
      tell({ line, result: 'added', user: username })
    } else {
      existing.push(username)
      // A line without a password has none to replace the present one with.
      const isReplaced = replace === true && hasHash(credential)
      if (isReplaced) replaced.push(asReplacement(credential, record))
      else kept += 1
      tell({ line, result: isReplaced ? 'replaced' : 'kept', user: username })
    }
  }
  refused.sort((one, other) => one.line - other.line)
  return { added, replaced, kept, refused, existing }
}

/** Whether a credential that exists has something in common with a file. */
export function concerns(file: ImportFile): (record: CredentialRecord) => boolean {
  const names = new Set(file.lines.flatMap(({ credential }) => namesOf(credential)))
  const owners = new Set(file.lines.flatMap(({ credential: { owner } }) => owner ?? []))
  return record =>
    namesOf(record).some(name => names.has(name)) || (record.owner !== undefined && owners.has(record.owner))
}

function namesOf({ username, secondary }: Pick<CredentialRecord, 'username' | 'secondary'>) {
  return secondary === undefined ? [username] : [username, secondary]
}

function reasonAgainst(
  { username, secondary, owner }: ImportLine['credential'],
  known: ReadonlyMap<Username, CredentialRecord>,
  owners: ReadonlySet<Owner>,
): string | undefined {
  const record = known.get(username)
  if (record !== undefined && record.username !== username)
    return 'its user name is the secondary one of another user'
  if (secondary !== undefined && known.has(secondary) && known.get(secondary) !== record)
    return 'its secondary user name belongs to another user'
  if (record === undefined && owner !== undefined && owners.has(owner))
    return 'its owner has a credential of another user name'
  return undefined
}

type Hashed = ImportedCredential & Pick<NewCredential, 'hash'>

function hasHash(credential: ImportedCredential): credential is Hashed {
  return credential.hash !== undefined
}

/** Keeps what the file does not say. Its owner and whether it is on stay as they are in any case. */
function asReplacement({ username, hash, secondary }: Hashed, record: CredentialRecord): NewCredential {
  const kept = secondary ?? record.secondary
  return { username, hash, ...(kept !== undefined && { secondary: kept }) }
}
