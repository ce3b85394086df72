import manifest from '../package.json' with { type: 'json' }
import { Command, CommanderError } from 'commander'
import { bugReport, doubtSentence, Interrupted, outageSentence, SettingsRefused } from './commands/failure.ts'
import { columnsOf, examples, fitted, hintAtHelp, usageComplaint } from './commands/help.ts'
import { note } from './commands/say.ts'
import { createToolbox, type Toolbox } from './commands/tools.ts'
import { Failure } from './common/failure.ts'
import { InDoubt, Outage } from './gateway/outage.ts'

/** What adds each command, in the order of the help. */
const commands: Readonly<Record<string, () => Promise<(program: Command, toolbox: Toolbox) => void>>> = {
  serve: async () => (await import('./commands/serve.ts')).addServeCommand,
  status: async () => (await import('./commands/status.ts')).addStatusCommand,
  reload: async () => (await import('./commands/reload.ts')).addReloadCommand,
  directory: async () => (await import('./commands/directory.ts')).addDirectoryCommands,
  account: async () => (await import('./commands/account.ts')).addAccountCommands,
  move: async () => (await import('./commands/move.ts')).addMoveCommands,
  inventory: async () => (await import('./commands/inventory.ts')).addInventoryCommand,
  credential: async () => (await import('./commands/credential.ts')).addCredentialCommands,
  person: async () => (await import('./commands/switches.ts')).addPersonCommands,
  session: async () => (await import('./commands/session.ts')).addSessionCommands,
  token: async () => (await import('./commands/token.ts')).addTokenCommands,
  history: async () => (await import('./commands/history.ts')).addHistoryCommand,
  recent: async () => (await import('./commands/recent.ts')).addRecentCommand,
  store: async () => (await import('./commands/store.ts')).addStoreCommands,
  backup: async () => (await import('./commands/backup.ts')).addBackupCommand,
  restore: async () => (await import('./commands/restore.ts')).addRestoreCommand,
  keys: async () => (await import('./commands/keys.ts')).addKeysCommands,
  explain: async () => (await import('./commands/explain.ts')).addExplainCommand,
  check: async () => (await import('./commands/check.ts')).addCheckCommand,
  settings: async () => (await import('./commands/settings.ts')).addSettingsCommand,
  bench: async () => (await import('./commands/bench.ts')).addBenchCommand,
}

/** Runs the command line and returns the exit code. */
export async function run(words: readonly string[]): Promise<number> {
  // A reader that goes away, as in `altgate account list | head`, is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    note(`altgate: cannot write the output (${error.code}).`)
    process.exit(1)
  })
  process.stderr.on('error', () => {}) // there is nowhere left to report it
  try {
    const program = await buildProgram(words[0])
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    return report(error)
  }
}

/** With the command of that name alone, which starts a fifth faster than with all of them; with all if there is none. */
export async function buildProgram(name = ''): Promise<Command> {
  const program = new Command('altgate')
    .description(
      'A gateway that checks alternate credentials in the right scope and tells users when a reset is needed.',
    )
    .version(manifest.version, '-v, --version', 'print the version')
    .option(
      '--config <FILE>',
      'settings file; default: the one in ALTGATE_CONFIG, else defaults and environment only',
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: text => void process.stdout.write(fitted(text, columnsOf(process.stdout))),
      writeErr: text => void process.stderr.write(fitted(text, columnsOf(process.stderr))),
      // Whole, as all other complaints: programs and log files search for their words.
      outputError: text => void process.stderr.write(usageComplaint(text)),
      getOutHelpWidth: () => columnsOf(process.stdout),
      getErrHelpWidth: () => columnsOf(process.stderr),
    })
    .exitOverride()
  const toolbox = createToolbox(() => program.opts<{ config?: string }>().config)
  const named = Object.hasOwn(commands, name) ? commands[name] : undefined
  const needed = named === undefined ? Object.values(commands) : [named]
  for (const add of await Promise.all(needed.map(async load => await load()))) add(program, toolbox)
  if (named === undefined) {
    // Both are made of all the others.
    ;(await import('./commands/completion.ts')).addCompletionCommand(program)
    ;(await import('./commands/man.ts')).addManCommand(program, manifest.version)
  }
  program.addHelpText('after', examples('serve --config config/development.yaml', 'account list', 'check'))
  hintAtHelp(program)
  return program
}

/** Reports what went wrong. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof Interrupted) return 130
  if (error instanceof SettingsRefused) {
    note('altgate: the settings are refused:')
    for (const { path, message } of error.complaints) note(`  ${path}: ${message}`)
    return 78
  }
  if (error instanceof InDoubt) {
    note(`altgate: ${doubtSentence(error)}`)
    return 3
  }
  if (error instanceof Failure) note(`altgate: ${error.message}`)
  else if (error instanceof Outage) note(`altgate: ${outageSentence(error)}`)
  else note(`altgate: ${bugReport(error)}`)
  return 1
}
