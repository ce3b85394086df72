import { setImmediate } from 'node:timers/promises'
import type { Scope, Username } from '../gateway/names.ts'
import { algorithmOf, noPassword } from '../gateway/ports.ts'
import type { CredentialRecord, NewCredential, Registry } from '../gateway/registry.ts'
import { isWeak } from '../hashing/hash-string.ts'
import { credentialPages } from './exports.ts'
import type { ImportFile, RefusedLine } from './import-file.ts'
import { concerns, type ImportPlan, type LineResult, planImport } from './import-plan.ts'
import { insist, insistOnScope } from './problems.ts'

/** What becomes of credentials that exist, and of lines that cannot be used. */
export interface ImportChoices {
  readonly scope: Scope
  readonly keepExisting?: boolean | undefined
  readonly replace?: boolean | undefined
  readonly skipRefused?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

/** An import that has not been made. */
export interface Import {
  readonly file: ImportFile
  readonly plan: ImportPlan
  readonly choices: ImportChoices
}

/** Compares a file with the store. `tell` is told of each line that can be used. Throws `Outage`. */
export async function prepareImport(
  registry: Pick<Registry, 'credentials'>,
  file: ImportFile,
  choices: ImportChoices,
  tell?: (result: LineResult) => void,
): Promise<Import> {
  const isConcerned = concerns(file)
  const records: CredentialRecord[] = []
  for await (const page of credentialPages(registry, choices.scope)) {
    records.push(...page.filter(isConcerned))
    await setImmediate() // a gateway serves users meanwhile, and a command takes signals
  }
  return { file, plan: planImport(file, records, choices, tell), choices }
}

/** How a caller names what was given, and the two choices about credentials that exist. */
export interface ImportWords {
  readonly source: string
  readonly keepExisting: string
  readonly replace: string
}

/** Why nothing may be imported: a sentence, and the lines that it speaks of. */
export function obstacleTo(
  { file, plan, choices }: Import,
  words: ImportWords,
): { readonly sentence: string; readonly lines: readonly RefusedLine[] } | undefined {
  const { refused, existing } = plan
  if (refused.length > 0 && !choices.skipRefused)
    return {
      sentence: `Nothing was imported: ${linesText(refused, words.source)} cannot be used.`,
      lines: refused,
    }
  if (existing.length > 0 && !choices.keepExisting && !choices.replace)
    return { sentence: existingText(existing, choices.scope, words), lines: [] }
  if (file.lines.length > 0 || plan.kept > 0) return undefined
  return { sentence: `There is no credential in ${words.source}. Nothing was imported.`, lines: [] }
}

export function linesText(refused: readonly RefusedLine[], source: string): string {
  return `${refused.length === 1 ? 'a line' : `${refused.length} lines`} of ${source}`
}

const mostNamed = 5

function existingText(existing: readonly Username[], scope: Scope, words: ImportWords): string {
  const more = existing.length - mostNamed
  const names = existing.slice(0, mostNamed).join(', ') + (more > 0 ? `, and ${more} more` : '')
  const many = existing.length === 1 ? '1 user exists' : `${existing.length} users exist`
  return `Nothing was imported: ${many} in scope ${scope} already: ${names}. To leave them as they are, add ${words.keepExisting}; to give them the passwords of the file, add ${words.replace}.`
}

/**
 * Makes the one change, unless it is a dry run. `progress` is called and waited for after each batch, and undoes everything
 * if it throws. Throws `Refused`, `NotMade` and `InDoubt`.
 */
export async function carryOut(
  registry: Pick<Registry, 'directories' | 'importCredentials'>,
  actor: string,
  { plan, choices }: Import,
  progress: (done: number, of: number) => unknown,
): Promise<void> {
  const credentials = [...plan.added, ...plan.replaced]
  // A dry run and a run that changes nothing refuse it as well.
  await insistOnScope(registry, choices.scope)
  if (choices.dryRun || credentials.length === 0) return
  const mustBeNew = new Set(plan.added.map(({ username }) => username))
  const tell = async (done: number) => {
    await setImmediate() // as above
    await progress(done, credentials.length)
  }
  await insist(registry.importCredentials(actor, choices.scope, credentials, tell, mustBeNew))
}

/** `isMade`: it was carried out, and was no dry run. */
export function importJson({ file, plan, choices }: Import, isMade: boolean): object {
  const { added, replaced, refused, kept, existing } = plan
  return {
    scope: choices.scope,
    format: file.format,
    dryRun: choices.dryRun ?? false,
    imported: isMade ? added.length + replaced.length : 0,
    added: added.length,
    replaced: replaced.length,
    kept,
    elsewhere: file.elsewhere,
    refused,
    existing,
    algorithms: Object.fromEntries(countByAlgorithm([...added, ...replaced])),
  }
}

function countByAlgorithm(credentials: readonly NewCredential[]): ReadonlyMap<string, number> {
  const hashes = credentials.map(({ hash }) => hash).filter(hash => hash !== noPassword)
  const kinds = Map.groupBy(hashes, algorithmOf)
  return new Map([...kinds].map(([algorithm, all]) => [algorithm, all.length]))
}

/** What an operator should know of these hashes. A hash does not tell how long its password is. */
export function advices(credentials: readonly NewCredential[]): readonly string[] {
  const counts = countByAlgorithm(credentials)
  const [bcrypt = 0, des = 0] = [counts.get('bcrypt'), counts.get('des-crypt')]
  const weak = [...counts].filter(([algorithm]) => isWeak(algorithm))
  const weaks = weak.reduce((sum, [, many]) => sum + many, 0)
  const without = credentials.filter(({ hash }) => hash === noPassword).length
  return [
    ...(without > 0 ? [`Without a password: ${without}. ${setOne}`] : []),
    ...(bcrypt > 0 ? [aboutBcrypt(bcrypt)] : []),
    ...(des > 0 ? [aboutDes(des)] : []),
    ...(weaks > 0 ? [aboutWeak(weaks)] : []),
  ]
}

const setOne = 'These users have to set one on the page, or an operator sets one for them.'

function aboutBcrypt(many: number): string {
  return `Hashed with bcrypt: ${many}. bcrypt ignores everything after the first 72 bytes of a password. Users with longer
passwords keep that hash, and any password with the same first 72 bytes is accepted, until they set a new one; the
log of the gateway names them when they sign in.`
}

function aboutDes(many: number): string {
  return `Hashed with DES crypt: ${many}. DES crypt ignores everything after the first 8 characters of a password. Users with
passwords of 8 characters or more keep that hash, and any password with the same first 8 characters is accepted, until
they set a new one; the log of the gateway names them when they sign in.`
}

function aboutWeak(many: number): string {
  return `Weakly hashed ({SHA}, {SSHA} or DES crypt): ${many}. A stolen copy of the store gives most of these passwords away. They
are hashed anew at their first use; ask the users to set new ones, and switch off credentials that are not used.`
}
