import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { Failure } from '../common/failure.ts'
import type { Scope, Username } from '../gateway/names.ts'
import { algorithmOf, noPassword } from '../gateway/ports.ts'
import type { NewCredential } from '../gateway/registry.ts'
import { isWeak } from '../hashing/hash-string.ts'
import { unreadable } from '../settings/document.ts'
import { scope as readScope } from './arguments.ts'
import { insist, insistOnScope } from './failure.ts'
import { examples } from './help.ts'
import { type ImportFile, type ImportFormat, readImportFile, type RefusedLine } from '../administration/import-file.ts'
import { type ImportPlan, planImport } from '../administration/import-plan.ts'
import { catchInterrupts, type Interruption } from './interruption.ts'
import { clearProgress, note, say, sayJson, showProgress } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

const aboutFile = `
Formats, found out from the first line unless --format says it:
  htpasswd  user:hash, or user:hash:secondary
  csv       a header with a column for the user name (user, username, email, …)
            and one for the hash (hash, password_hash, …); secondary and
            enabled if you like; separated by commas, semicolons or tabs
  jsonl     a JSON object on each line: user, hash, secondary, enabled; also
            what "credential export" writes. Lines about other scopes, accounts
            or directories are passed over. Without a hash, a user is added who
            has to set a password
Named and generated passwords are not imported: altgate restore brings them.
Empty lines and lines that begin with # are skipped.

Hashes: bcrypt, argon2, apr1 (htpasswd's usual one), {SHA}, {SSHA}, and crypt:
DES, $1$, $5$ and $6$. Not yescrypt ($y$). Each is replaced by our own argon2id
at its first use, except where the old hash has read only the beginning of the
password: 72 bytes with bcrypt, 8 with DES.

All or nothing: if one line is refused, or a user name exists already, nothing
is imported and you are told which. --skip-refused imports the other lines.
--keep-existing leaves existing credentials as they are. --replace gives them
the new hash; they keep owner, members, sign-in, whether they are on, and their
secondary user name if the file has none. Ctrl-C changes nothing.`

interface Options {
  readonly scope: Scope
  readonly format?: ImportFormat
  readonly domain?: string
  readonly keepExisting?: true
  readonly replace?: true
  readonly skipRefused?: true
  readonly dryRun?: true
  readonly json?: true
}

/** `altgate credential import`. */
export function addImport(credential: Command, toolbox: Toolbox): void {
  credential
    .command('import')
    .description('import credentials with hashed passwords: htpasswd, CSV or JSON lines')
    .argument('<FILE>', 'the file, or - for standard input')
    .requiredOption('--scope <S>', 'the scope they count in: msa, or the id of a directory', readScope)
    .addOption(new Option('--format <F>', 'how the file is written').choices(['htpasswd', 'csv', 'jsonl']))
    .option(
      '--domain <D>',
      'make addresses of plain user names: anna becomes anna@D, and anna her secondary user name',
      domainName,
    )
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--keep-existing', 'leave credentials that exist as they are')
    .option('--replace', 'give credentials that exist the hashes of the file')
    .option('--skip-refused', 'import the other lines if some cannot be used')
    .option(
      '--json',
      'print a JSON object: scope, format, dryRun, imported, added, replaced, kept, elsewhere, refused (line, reason), existing, algorithms',
    )
    .addHelpText('after', aboutFile)
    .addHelpText(
      'after',
      examples(
        'credential import users.htpasswd --scope msa',
        'credential import .htpasswd --scope msa --domain example.com --dry-run',
        'credential import users.csv --scope msa --keep-existing --skip-refused',
      ),
    )
    .action((file: string, options: Options, command: Command) => {
      if (options.keepExisting && options.replace)
        command.error('error: --keep-existing and --replace exclude each other.', { exitCode: 2 })
      toolbox.settings()
      return importFrom(file, options, toolbox)
    })
}

function domainName(text: string): string {
  const domain = text.toLowerCase().replace(/^@/, '')
  if (
    /^(?=.{1,253}$)(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)*[\p{L}\p{N}-]{1,63}$/u.test(domain)
  )
    return domain
  throw new InvalidArgumentError('A domain is a name such as example.com.')
}

async function importFrom(file: string, options: Options, toolbox: Toolbox): Promise<void> {
  const interruption = catchInterrupts('the import')
  try {
    const name = file === '-' ? 'standard input' : file
    const bytes = await Promise.race([readBytes(file), interruption.happened])
    const read = await readImportFile(bytes, options)
    await toolbox.use(async tools => {
      const plan = planImport(read, await tools.registry.credentials(options.scope), options)
      if (options.json) await importSilently(tools, { read, plan, options, name, interruption })
      else await importAloud(tools, { read, plan, options, name, interruption })
    })
  } finally {
    interruption.stop()
  }
}

interface Import {
  readonly read: ImportFile
  readonly plan: ImportPlan
  readonly options: Options
  readonly name: string
  readonly interruption: Interruption
}

async function importAloud(tools: Tools, job: Import): Promise<void> {
  const { plan, options, name } = job
  const obstacle = obstacleTo(job)
  if (obstacle !== undefined) throw new Failure(obstacle)
  if (plan.refused.length > 0)
    note(listed(`Skipped: ${linesText(plan.refused, name)} cannot be used.`, plan.refused))
  await carryOut(tools, job)
  const written = plan.added.length + plan.replaced.length
  const are = options.dryRun ? 'would be' : written === 1 ? 'was' : 'were'
  const counted = countText(written, 'credential')
  say(`${counted} ${are} imported into scope ${options.scope}.${countsText(job)}`)
  if (options.dryRun) return note('Nothing was changed: this was a dry run.')
  for (const advice of advices([...plan.added, ...plan.replaced])) note(advice)
}

async function importSilently(tools: Tools, job: Import): Promise<void> {
  const { read, plan, options } = job
  const obstacle = obstacleTo(job)
  if (obstacle === undefined) await carryOut(tools, job)
  const made = obstacle === undefined && !options.dryRun
  const { added, replaced, refused, kept, existing } = plan
  sayJson({
    scope: options.scope,
    format: read.format,
    dryRun: options.dryRun ?? false,
    imported: made ? added.length + replaced.length : 0,
    added: added.length,
    replaced: replaced.length,
    kept,
    elsewhere: read.elsewhere,
    refused,
    existing,
    algorithms: Object.fromEntries(countByAlgorithm([...added, ...replaced])),
  })
  if (obstacle !== undefined) throw new Failure(obstacle)
}

/** Refused lines that are printed; the rest are counted, and all are in `--json`. */
const mostRefused = 20

/** Why nothing may be imported. */
function obstacleTo({ read, plan, options, name }: Import): string | undefined {
  const { refused, existing } = plan
  if (refused.length > 0 && !options.skipRefused)
    return listed(`Nothing was imported: ${linesText(refused, name)} cannot be used.`, refused)
  if (existing.length > 0 && !options.keepExisting && !options.replace) return existingText(existing, options)
  if (read.lines.length > 0 || plan.kept > 0) return undefined
  return `There is no credential in ${name}. Nothing was imported.`
}

function linesText(refused: readonly RefusedLine[], name: string): string {
  return `${refused.length === 1 ? 'a line' : `${refused.length} lines`} of ${name}`
}

function listed(heading: string, refused: readonly RefusedLine[]): string {
  const more = refused.length - mostRefused
  return [
    heading,
    ...refused.slice(0, mostRefused).map(({ line, reason }) => `  line ${line}: ${reason}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n')
}

const mostNamed = 5

function existingText(existing: readonly Username[], { scope }: Options): string {
  const more = existing.length - mostNamed
  const names = existing.slice(0, mostNamed).join(', ') + (more > 0 ? `, and ${more} more` : '')
  const many = existing.length === 1 ? '1 user exists' : `${existing.length} users exist`
  return `Nothing was imported: ${many} in scope ${scope} already: ${names}. To leave them as they are, add --keep-existing; to give them the passwords of the file, add --replace.`
}

/** What became of the lines that were not simply added. */
function countsText({ read, plan, options }: Import): string {
  const { added, replaced, kept, refused } = plan
  const counts = [
    ...(replaced.length > 0 ? [`${added.length} new, ${replaced.length} replaced`] : []),
    ...(kept > 0 ? [`${countText(kept, 'existing one')} ${options.dryRun ? 'would be ' : ''}kept`] : []),
    ...(refused.length > 0 ? [`${countText(refused.length, 'refused line')} skipped`] : []),
    ...(read.elsewhere > 0 ? [`${countText(read.elsewhere, 'line')} about something else`] : []),
  ]
  return counts.length === 0 ? '' : ` ${counts.join('; ')}.`
}

function countText(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`
}

/** Makes the one change. Throws `Failure`, and `Interrupted` if Ctrl-C came in time: nothing was changed then. */
async function carryOut(tools: Tools, { plan, options, interruption }: Import): Promise<void> {
  const credentials = [...plan.added, ...plan.replaced]
  // A dry run and a run that changes nothing refuse it as well.
  await insistOnScope(tools.registry, options.scope)
  if (options.dryRun || credentials.length === 0) return
  const show = showProgress(credentials.length)
  const mustBeNew = new Set(plan.added.map(({ username }) => username))
  const progress = async (done: number) => {
    show(done)
    await setImmediate() // lets a signal in
    interruption.check()
    if (done === credentials.length) interruption.tooLate()
  }
  try {
    interruption.check()
    await insist(tools.registry.importCredentials(actor(), options.scope, credentials, progress, mustBeNew))
  } finally {
    clearProgress()
  }
}

/** Standard input is waited for, so that Ctrl-C ends the command meanwhile. */
async function readBytes(file: string): Promise<Buffer> {
  try {
    if (file !== '-') return readFileSync(file)
    if (process.stdin.isTTY) note('Type or paste the lines; Ctrl-D ends them.')
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks)
  } catch (error) {
    throw new Failure(`${file === '-' ? 'Standard input' : `The file ${file}`} ${unreadable(error)}.`)
  }
}

function countByAlgorithm(credentials: readonly NewCredential[]): ReadonlyMap<string, number> {
  const hashes = credentials.map(({ hash }) => hash).filter(hash => hash !== noPassword)
  const kinds = Map.groupBy(hashes, algorithmOf)
  return new Map([...kinds].map(([algorithm, all]) => [algorithm, all.length]))
}

/** What an operator should know of these hashes. A hash does not tell how long its password is. */
function advices(credentials: readonly NewCredential[]): readonly string[] {
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

const setOne = 'These users have to set one on the page, or you do: altgate credential set'

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
