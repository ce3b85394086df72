import manifest from '../package.json' with { type: 'json' }
import { Command, CommanderError } from 'commander'
import { addAccountCommands } from './commands/account.ts'
import { addBenchCommand } from './commands/bench.ts'
import { addCheckCommand } from './commands/check.ts'
import { addCredentialCommands } from './commands/credential.ts'
import { addDirectoryCommands } from './commands/directory.ts'
import { addExplainCommand } from './commands/explain.ts'
import { bugReport, doubtSentence, Interrupted, outageSentence, SettingsRefused } from './commands/failure.ts'
import { examples, hintAtHelp, usageComplaint } from './commands/help.ts'
import { addKeysCommands } from './commands/keys.ts'
import { addMoveCommands } from './commands/move.ts'
import { note } from './commands/say.ts'
import { addReloadCommand } from './commands/reload.ts'
import { addServeCommand } from './commands/serve.ts'
import { addSettingsCommand } from './commands/settings.ts'
import { addStoreCommands } from './commands/store.ts'
import { createToolbox } from './commands/tools.ts'
import { Failure } from './common/failure.ts'
import { InDoubt, Outage } from './gateway/outage.ts'

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
    await buildProgram().parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    return report(error)
  }
}

function buildProgram(): Command {
  const program = new Command('altgate')
    .description(
      'A gateway that checks alternate credentials in the right scope and tells users when a reset is needed.',
    )
    .version(manifest.version, '--version', 'print the version')
    .option(
      '--config <FILE>',
      'settings file; default: the one in ALTGATE_CONFIG, else defaults and environment only',
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(usageComplaint(text)) })
    .exitOverride()
  const toolbox = createToolbox(() => program.opts<{ config?: string }>().config)
  addServeCommand(program, toolbox)
  addReloadCommand(program, toolbox)
  addDirectoryCommands(program, toolbox)
  addAccountCommands(program, toolbox)
  addMoveCommands(program, toolbox)
  addCredentialCommands(program, toolbox)
  addStoreCommands(program, toolbox)
  addKeysCommands(program, toolbox)
  addExplainCommand(program, toolbox)
  addCheckCommand(program, toolbox)
  addSettingsCommand(program, toolbox)
  addBenchCommand(program, toolbox)
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
