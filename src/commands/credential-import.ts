import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { type ImportFormat, readImportFile, type RefusedLine } from '../administration/import-file.ts'
import {
  advices,
  carryOut,
  type Import,
  importJson,
  linesText,
  obstacleTo,
  prepareImport,
} from '../administration/imports.ts'
import { Failure } from '../common/failure.ts'
import type { Scope } from '../gateway/names.ts'
import { unreadable } from '../settings/document.ts'
import { domainName, scope as readScope } from './arguments.ts'
import { examples } from './help.ts'
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

async function importFrom(file: string, options: Options, toolbox: Toolbox): Promise<void> {
  const interruption = catchInterrupts('the import')
  try {
    const source = file === '-' ? 'standard input' : file
    const words = { source, keepExisting: '--keep-existing', replace: '--replace' }
    const bytes = await Promise.race([readBytes(file), interruption.happened])
    const read = await readImportFile(bytes, options)
    await toolbox.use(async ({ registry }) => {
      const prepared = await prepareImport(registry, read, options)
      const obstacle = obstacleTo(prepared, words)
      const run = () => carryOutAloud(registry, prepared, interruption)
      if (options.json) await importSilently(prepared, obstacle, run)
      else await importAloud(prepared, obstacle, source, run)
    })
  } finally {
    interruption.stop()
  }
}

type Obstacle = ReturnType<typeof obstacleTo>

async function importAloud(
  prepared: Import,
  obstacle: Obstacle,
  source: string,
  run: () => Promise<void>,
): Promise<void> {
  const { plan, choices } = prepared
  if (obstacle !== undefined) throw new Failure(listed(obstacle.sentence, obstacle.lines))
  if (plan.refused.length > 0)
    note(listed(`Skipped: ${linesText(plan.refused, source)} cannot be used.`, plan.refused))
  await run()
  const written = plan.added.length + plan.replaced.length
  const are = choices.dryRun ? 'would be' : written === 1 ? 'was' : 'were'
  const counted = countText(written, 'credential')
  say(`${counted} ${are} imported into scope ${choices.scope}.${countsText(prepared)}`)
  if (choices.dryRun) return note('Nothing was changed: this was a dry run.')
  for (const advice of advices([...plan.added, ...plan.replaced])) note(advice)
}

async function importSilently(prepared: Import, obstacle: Obstacle, run: () => Promise<void>): Promise<void> {
  if (obstacle === undefined) await run()
  sayJson(importJson(prepared, obstacle === undefined && !prepared.choices.dryRun))
  if (obstacle !== undefined) throw new Failure(listed(obstacle.sentence, obstacle.lines))
}

/** Refused lines that are printed; the rest are counted, and all are in `--json`. */
const mostRefused = 20

function listed(heading: string, refused: readonly RefusedLine[]): string {
  const more = refused.length - mostRefused
  return [
    heading,
    ...refused.slice(0, mostRefused).map(({ line, reason }) => `  line ${line}: ${reason}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n')
}

/** What became of the lines that were not simply added. */
function countsText({ file, plan, choices }: Import): string {
  const { added, replaced, kept, refused } = plan
  const counts = [
    ...(replaced.length > 0 ? [`${added.length} new, ${replaced.length} replaced`] : []),
    ...(kept > 0 ? [`${countText(kept, 'existing one')} ${choices.dryRun ? 'would be ' : ''}kept`] : []),
    ...(refused.length > 0 ? [`${countText(refused.length, 'refused line')} skipped`] : []),
    ...(file.elsewhere > 0 ? [`${countText(file.elsewhere, 'line')} about something else`] : []),
  ]
  return counts.length === 0 ? '' : ` ${counts.join('; ')}.`
}

function countText(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`
}

/** Makes the one change. Throws `Failure`, and `Interrupted` if Ctrl-C came in time: nothing was changed then. */
async function carryOutAloud(
  registry: Tools['registry'],
  prepared: Import,
  interruption: Interruption,
): Promise<void> {
  const { added, replaced } = prepared.plan
  const show = showProgress(added.length + replaced.length)
  try {
    interruption.check()
    await carryOut(registry, actor(), prepared, (done, of) => {
      show(done)
      interruption.check()
      if (done === of) interruption.tooLate()
    })
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
