import type { Command } from 'commander'
import { fingerprint, printSettings } from '../settings/load.ts'
import { examples } from './help.ts'
import type { Toolbox } from './tools.ts'

/** `altgate settings`. */
export function addSettingsCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('settings')
    .description('print the settings in force as YAML, secrets as [secret]')
    .addHelpText('after', examples('settings', 'settings --config config/production.yaml'))
    .action(() => {
      const settings = toolbox.settings()
      process.stdout.write(`# fingerprint: ${fingerprint(settings)}\n${printSettings(settings)}`)
    })
}
