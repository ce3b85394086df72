import type { Command } from 'commander'
import { addStoreExport } from './export.ts'
import { examples } from './help.ts'
import { say } from './say.ts'
import type { Toolbox } from './tools.ts'

/** `altgate store`. */
export function addStoreCommands(program: Command, toolbox: Toolbox): void {
  const store = program.command('store').description('where accounts and credentials are kept')
  store
    .command('init')
    .description('create the store if there is none; serve does the same when it starts')
    .addHelpText('after', examples('store init', 'store init --config config/production.yaml'))
    .action(async () => {
      const settings = toolbox.settings()
      const { openFoundation } = await import('../foundation.ts')
      const { store } = await openFoundation(settings, () => {}, 'make')
      await store.close()
      say('The store is ready.')
    })
  addStoreExport(store, toolbox)
}
