import type { Command } from 'commander'
import { fingerprint, printSettings } from '../settings/load.ts'
import { examples } from './help.ts'
import { sayJson } from './say.ts'
import type { Toolbox } from './tools.ts'

/** `altgate settings`. */
export function addSettingsCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('settings')
    .description('print the settings in force as YAML, secrets as [secret]')
    .option('--json', 'print a JSON object: fingerprint, settings')
    .addHelpText('after', examples('settings', 'settings --config config/production.yaml'))
    .action(({ json }: { readonly json?: true }) => {
      const settings = toolbox.settings()
      if (json) return sayJson({ fingerprint: fingerprint(settings), settings })
      process.stdout.write(`# fingerprint: ${fingerprint(settings)}\n${printSettings(settings)}`)
    })
}
