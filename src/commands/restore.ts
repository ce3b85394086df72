import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { Outage } from '../gateway/outage.ts'
import { countRows, countText, insistOnInput, jsonOf, readFrom, summary } from './backup.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { outageSentence } from './failure.ts'
import { examples } from './help.ts'
import { catchInterrupts, type Interruption } from './interruption.ts'
import { clearProgress, moment, note, say, sayJson } from './say.ts'
import { actor, sayWaiting, type Toolbox } from './tools.ts'

const about = `
Reads the whole backup and checks it, and only then changes anything, in one
step: all of it is restored or nothing. Any store will do: SQLite or PostgreSQL,
empty, or none yet. A store that is not empty needs --replace: everything that
was changed since the backup is undone. Passwords that were replaced or revoked
since count again, and so do tokens of the API; credentials that were blocked
since are not blocked, accounts that moved since are back.

Gateways may go on. When the command says that the store is restored, every one
of them has dropped all that it remembered. Users have to sign in on the page
again. A backup of an older version is brought up to date; one of a newer version
is refused. "-" reads standard input.`

interface Options {
  readonly dryRun?: true
  readonly replace?: true
  readonly yes?: true
  readonly json?: true
}

/** `altgate restore`. */
export function addRestoreCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('restore')
    .description('restore a backup into the store of the settings')
    .argument('<FILE>', 'what altgate backup has written; - is standard input')
    .option('--dry-run', 'check the backup, say what would be replaced, and change nothing')
    .option('--replace', 'replace what the store has')
    .option('--yes', 'do not ask for confirmation')
    .option(
      '--json',
      'print a JSON object: file, takenAt, version, store, changes, rows, restored, replaced (accounts, credentials)',
    )
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'restore altgate.backup --dry-run',
        'restore altgate.backup',
        'restore altgate.backup --replace --yes',
      ),
    )
    .action(async (file: string, options: Options, command: Command) => {
      insistOnInput(file, command)
      if (options.replace && !options.dryRun) insistOnYes(options, command)
      const interruption = catchInterrupts('the backup')
      try {
        await restoreFrom(file, options, toolbox, interruption)
      } finally {
        interruption.stop()
      }
    })
}

async function restoreFrom(
  file: string,
  options: Options,
  toolbox: Toolbox,
  interruption: Interruption,
): Promise<void> {
  const settings = toolbox.settings()
  const { readBackup, openForRestore } = await import('../backup.ts')
  const progress = async (done: number) => {
    await countRows(done)
    interruption.check()
  }
  const reading = readFrom(file, from => readBackup(from, progress)).catch(nothingChanged)
  const backup = await Promise.race([reading, interruption.happened])
  try {
    if (options.dryRun) return await tellOnly(file, options, toolbox, backup)
    const { store, announce, isNew } = await openForRestore(settings, sayWaiting)
    try {
      const before = await store.contents()
      if (!before.isEmpty) {
        insistOnReplace(before, options)
        for (const line of lossOf(before, backup)) note(line)
        if (!options.yes && !(await isConfirmed('Replace all of it?')))
          throw new Failure('Nothing was changed.')
      }
      interruption.check()
      await store
        .restore(backup, {
          actor: actor(),
          announce,
          replace: options.replace ?? false,
          isNew,
          progress,
          committing: () => interruption.tooLate(),
        })
        .catch(nothingChanged)
      clearProgress()
      if (options.json)
        return sayJson({ ...jsonOf(file, backup), restored: true, replaced: countsOf(before) })
      say(`The store is restored, in every running gateway: ${summary(backup)}.`)
    } finally {
      clearProgress()
      await store.close()
    }
  } finally {
    backup.close()
  }
}

type Backup = Awaited<ReturnType<typeof import('../backup.ts').readBackup>>
type Contents = Awaited<
  ReturnType<Awaited<ReturnType<typeof import('../backup.ts').openForRestore>>['store']['contents']>
>

/** Without a store there is nothing to replace: none is made for a dry run. */
async function tellOnly(file: string, options: Options, toolbox: Toolbox, backup: Backup): Promise<void> {
  const before = await contentsIfAny(toolbox)
  if (options.json)
    return sayJson({ ...jsonOf(file, backup), restored: false, replaced: before && countsOf(before) })
  say(`${file === '-' ? 'The backup' : file} can be restored: ${summary(backup)}.`)
  if (before === undefined) note('There is no store yet: it would be made.')
  else if (before.isEmpty) note('The store is empty.')
  else for (const line of lossOf(before, backup)) note(line)
  if (before !== undefined && !before.isEmpty && !options.replace) note('It would need --replace.')
  note('Nothing was changed: this was a dry run.')
}

async function contentsIfAny(toolbox: Toolbox): Promise<Contents | undefined> {
  const { contentsOfStore } = await import('../backup.ts')
  return await contentsOfStore(toolbox.settings())
}

function insistOnReplace({ accounts, credentials }: Contents, { replace }: Options): void {
  if (replace) return
  throw new Failure(
    `The store is not empty: it has ${ownText({ accounts, credentials })}. Nothing was changed. To replace all of it by the backup, add --replace.`,
  )
}

function countsOf({ accounts, credentials }: Contents): object {
  return { accounts, credentials }
}

function ownText({ accounts, credentials }: Pick<Contents, 'accounts' | 'credentials'>): string {
  return `${countText(accounts, 'account')} and ${countText(credentials, 'credential')}`
}

/** What a restore undoes. */
function lossOf(before: Contents, { header }: Backup): readonly string[] {
  const isSame = before.store === header.store
  const since = isSame && before.changes >= header.changes ? before.changes - header.changes : undefined
  return [
    `The store has ${ownText(before)}.`,
    since === undefined
      ? 'The backup is of another store, or of a later state of this one: nothing of what the store has stays.'
      : `The backup is of ${moment(Date.parse(header.takenAt))}: ${since === 1 ? '1 later change' : `${since} later changes`} would be undone. Passwords and tokens that were replaced or revoked since then would count again.`,
  ]
}

function nothingChanged(error: unknown): never {
  if (error instanceof Outage && error.constructor === Outage)
    throw new Failure(`${outageSentence(error)} Nothing was changed.`, { cause: error })
  if (error instanceof Failure && !error.message.includes('Nothing was changed'))
    throw new Failure(`${error.message} Nothing was changed.`, { cause: error })
  throw error
}
