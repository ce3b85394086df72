import type { Command } from 'commander'
import { SettingsRefused } from './failure.ts'
import { examples } from './help.ts'
import type { Toolbox } from './tools.ts'

/** `altgate serve`. */
export function addServeCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('serve')
    .description('start the gateway; SIGTERM and Ctrl-C stop it gracefully, SIGHUP reloads its settings')
    .addHelpText(
      'after',
      examples('serve --config config/development.yaml', 'serve --config config/production.yaml'),
    )
    .action(async () => {
      const { fileComplaints } = await import('../settings/given-files.ts')
      const load = () => {
        const read = toolbox.load()
        const complaints = 'complaints' in read ? [] : fileComplaints(read.settings)
        return complaints.length === 0 ? read : { complaints }
      }
      const first = load()
      if ('complaints' in first) throw new SettingsRefused(first.complaints)
      // A reader that goes away, or a full disk under it, is no reason to stop serving.
      process.stdout.removeAllListeners('error').on('error', () => {})
      const [{ serve }, { settingsFile }] = await Promise.all([
        import('../serve.ts'),
        import('../settings/load.ts'),
      ])
      const configFile = settingsFile({ file: toolbox.configFile, env: process.env })
      await serve({ settings: first.settings, load, configFile, stop: stopSignal() })
    })
}

/** Aborted by the first SIGTERM or Ctrl-C; the reason is the signal's name. A second Ctrl-C exits at once. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort('SIGTERM'))
  process.once('SIGINT', () => {
    stop.abort('SIGINT')
    process.once('SIGINT', () => process.exit(130))
  })
  return stop.signal
}
