import type { Command } from 'commander'
import { Failure, reasonOf } from '../common/failure.ts'
import type { Complaint } from '../settings/document.ts'
import { SettingsRefused } from './failure.ts'
import { examples } from './help.ts'
import { askOperations, type Operations } from '../status/operations.ts'
import { say, sayJson } from './say.ts'
import type { Toolbox } from './tools.ts'

const about = `
Does what SIGHUP does, and ends when every process of the gateway has it: reads
settings, certificates and secrets again and reopens the log files. It finds the
gateway of these settings by its operations port, on this machine. No request
fails, and connections stay open. Settings that need a restart are named and
keep their values. With wrong settings nothing changes, and the exit code is 78.`

/** `altgate reload`. */
export function addReloadCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('reload')
    .description('put changed settings, certificates and secrets into force in the running gateway')
    .option('--json', 'print a JSON object: outcome, settings (their fingerprint), changed, kept')
    .addHelpText('after', about)
    .addHelpText('after', examples('reload', 'reload --config config/production.yaml'))
    .action(async ({ json }: { readonly json?: true }) => {
      const { operations } = toolbox.settings()
      const answer = await ask(operations)
      if (answer.outcome === 'refused') throw new SettingsRefused(answer.complaints)
      if (answer.outcome === 'failed')
        throw new Failure(`Nothing has changed: ${answer.why.join('; ')}. The log of the gateway says more.`)
      if (answer.outcome === 'starting')
        throw new Failure('The gateway is still starting, and reads its settings now.')
      if (json) return sayJson(answer)
      const { changed, kept } = answer
      say(changed.length === 0 ? 'Reloaded; no setting has changed.' : `Reloaded: ${changed.join(', ')}.`)
      if (kept.length > 0) say(`Kept until a restart: ${kept.join(', ')}.`)
    })
}

/** What the gateway says (`src/reload.ts`). */
type Told =
  | { readonly outcome: 'reloaded'; readonly changed: readonly string[]; readonly kept: readonly string[] }
  | { readonly outcome: 'refused'; readonly complaints: readonly Complaint[] }
  | { readonly outcome: 'failed'; readonly why: readonly string[] }
  | { readonly outcome: 'starting' }

/** Milliseconds: two reloads of workers that open a store, one of them under way. */
const patienceMs = 90_000

async function ask(operations: Operations): Promise<Told> {
  try {
    const headers = { 'X-Altgate-Reload': '1', 'Content-Length': '0' }
    const { status, text } = await askOperations(operations, '/reload', {
      method: 'POST',
      headers,
      patienceMs,
    })
    // Made by the gateway of this version; another program hardly answers 200 to this.
    if (status === 200) return JSON.parse(text) as Told
    throw new Error(
      status === 404 ? 'another program, or an older Altgate, is listening there' : `it answered ${status}`,
    )
  } catch (error) {
    const where = `${operations.host}:${operations.port}`
    throw new Failure(
      `No gateway was reloaded: ${where} (the operations port): ${reasonOf(error)}. If the gateway runs with another operations port, send it SIGHUP.`,
      { cause: error },
    )
  }
}
