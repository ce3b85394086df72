import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Figure } from './figure.ts'
import { figures } from './figures.ts'

/** What the command line asks for. */
export interface Words {
  readonly figures: readonly Figure[]
  readonly quick: boolean
  /** Whether the documents are brought up to date. */
  readonly write: boolean
  /** Where results go; a quick run keeps none unless it is told where. */
  readonly out: string | undefined
}

const names = figures.map(({ name, title }) => `  ${name.padEnd(14)}${title}`).join('\n')

const help = `npm run bench -- [FIGURES] [OPTIONS]

Measures Altgate and its peers side by side on this machine. Without names, all figures:

${names}

  --quick       seconds instead of minutes: shows that everything works, its numbers mean nothing
  --out FOLDER  where results.json and the plots go; else test/bench/results, with --quick nowhere
  --write       then bring README.md and docs/performance.md up to date
  --help        this text

Tables go to standard output, progress to standard error. Ctrl-C stops everything that was started.
Nothing else should run on the machine meanwhile.`

/** Reads the command line. `text`: what is to be said instead of measuring, and the exit code. */
export function readWords(
  args: readonly string[],
): Words | { readonly text: string; readonly status: number } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        out: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return { text: help, status: 0 }
    const unknown = positionals.filter(name => !figures.some(figure => figure.name === name))
    if (unknown.length > 0) return wrong(`there is no figure ${unknown.join(', ')}`)
    const { quick, write } = values
    if (quick && write) return wrong('--write is for real numbers, not for --quick ones')
    return {
      figures: positionals.length === 0 ? figures : figures.filter(({ name }) => positionals.includes(name)),
      quick,
      write,
      out: values.out ?? (quick ? undefined : join(import.meta.dirname, 'results')),
    }
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error))
  }
}

function wrong(text: string) {
  return { text: `bench: ${text}\n\n${help}`, status: 2 }
}
