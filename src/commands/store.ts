import type { Command } from 'commander'
import { addStoreExport } from './export.ts'
import { examples } from './help.ts'
import { sayChange } from './say.ts'
import { actor, sayWaiting, type Toolbox } from './tools.ts'

/** `altgate store`. */
export function addStoreCommands(program: Command, toolbox: Toolbox): void {
  const store = program
    .command('store')
    .description('where accounts and credentials are kept')
    .addHelpText('after', examples('store init', 'store export > altgate.jsonl'))
  store
    .command('init')
    .description('create the store if there is none; serve does the same when it starts')
    .option('--json', 'print a JSON object: result (ready)')
    .addHelpText('after', examples('store init', 'store init --config config/production.yaml'))
    .action(async ({ json }: { readonly json?: true }) => {
      const settings = toolbox.settings()
      const { openFoundation } = await import('../foundation.ts')
      const { store } = await openFoundation(settings, () => {}, 'make')
      await store.close()
      sayChange(json, 'The store is ready.', { result: 'ready' })
    })
  addStoreRestored(store, toolbox)
  addStoreExport(store, toolbox)
}

const aboutRestored = `
Run it after a restore by other tools than altgate restore, such as pg_restore or
a copied SQLite file. When it ends, every running gateway has dropped all that it
remembered of the store as it was before.

A store that was copied has the identity of the original. If both go on, give one
of them another with --copy. Gateways that run on it must be restarted then.`

function addStoreRestored(store: Command, toolbox: Toolbox): void {
  store
    .command('restored')
    .description('tell running gateways that other tools have restored the store')
    .option('--copy', 'it is a copy: give it an identity of its own')
    .option('--json', 'print a JSON object: result (told), copy')
    .addHelpText('after', aboutRestored)
    .addHelpText('after', examples('store restored', 'store restored --copy'))
    .action(async ({ copy = false, json }: { readonly copy?: boolean; readonly json?: true }) => {
      const settings = toolbox.settings()
      const { openFoundation } = await import('../foundation.ts')
      const { store, announce } = await openFoundation(settings, () => {}, 'expect', { waiting: sayWaiting })
      try {
        await store.markRestored(announce, actor(), copy)
      } finally {
        await store.close()
      }
      sayChange(
        json,
        copy
          ? 'The store has an identity of its own. Restart the gateways that run on it.'
          : 'Every running gateway has dropped what it remembered of the store.',
        { result: 'told', copy },
      )
    })
}
