import type { Command } from 'commander'
import { printSettings } from '../settings/load.ts'
import { examples } from './help.ts'
import type { Toolbox } from './tools.ts'

/** `altgate settings`. */
export function addSettingsCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('settings')
    .description('print the settings in force as YAML, secrets as [secret]')
    .addHelpText('after', examples('settings', 'settings --config config/production.yaml'))
    .action(() => {
      process.stdout.write(printSettings(toolbox.settings()))
    })
}
