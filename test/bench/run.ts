import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Figure } from './figure.ts'
import { missing } from './programs.ts'
import { writeDocuments } from './documents.ts'
import { keepResult } from './results.ts'
import { onStage } from './stage.ts'
import { tableOf } from './table.ts'
import { readWords, type Words } from './words.ts'

// npm run bench: see README.md beside this file.

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)))

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const words = readWords(args)
  if ('text' in words) return answer(words)
  if (!hasPrograms(words)) return 1
  try {
    let failed = 0
    for (const figure of words.figures) if (!(await succeeds(figure, words))) failed += 1
    if (words.write && words.out !== undefined) writeDocuments(words.out)
    return failed === 0 ? 0 : 1
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    say('stopped; nothing is left running')
    return 130
  }
}

function answer({ text, status }: { readonly text: string; readonly status: number }): number {
  const stream = status === 0 ? process.stdout : process.stderr
  stream.write(`${text}\n`)
  return status
}

/** Says what is not installed. A quick run does without the peers that are missing. */
function hasPrograms({ figures, quick }: Words): boolean {
  const packages = missing(
    figures.flatMap(({ programs, peers = [] }) => (quick ? programs : [...programs, ...peers])),
  )
  if (packages.length === 0) return true
  const them = packages.join(' ')
  say(`not installed: ${them}. On Debian: sudo apt-get install --no-install-recommends ${them}`)
  return false
}

/** The others are measured all the same: a whole run takes an hour. */
async function succeeds(figure: Figure, words: Words): Promise<boolean> {
  try {
    await measure(figure, words)
    return true
  } catch (error) {
    if (stopping.signal.aborted) throw error
    say(`${figure.name} failed: ${error instanceof Error ? error.stack : String(error)}`)
    return false
  }
}

async function measure(figure: Figure, { quick, out }: Words): Promise<void> {
  say(`${figure.name}: ${figure.title}`)
  const began = performance.now()
  const stage = { quick, stop: stopping.signal, say: (text: string) => say(`  ${text}`) }
  const result = await onStage(stage, figure.run)
  process.stdout.write(`${tableOf(figure, result)}\n`)
  if (out !== undefined) {
    const { draw } = await import('./plot.ts') // takes half a second of a run that may draw nothing
    mkdirSync(out, { recursive: true })
    writeFileSync(join(out, `${figure.name}.svg`), draw(result.plot))
    keepResult(out, figure, result, quick)
  }
  say(`  done in ${Math.round((performance.now() - began) / 1000)} s`)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
