import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import { join } from 'node:path'
import type { Figure, Result } from './figure.ts'

/** What is kept of a figure: everything that it found, when, and where. */
export type Kept = Pick<Figure, 'title'> &
  Omit<Result, 'plot'> & { readonly at: string; readonly machine: string; readonly quick?: true }

/** By the names of the figures. */
export type Results = Readonly<Record<string, Kept>>

/** Puts a figure into `results.json`; what stands there of others stays. */
export function keepResult(
  folder: string,
  { name, title }: Pick<Figure, 'name' | 'title'>,
  { rows, goals, tables, answers, notes }: Result,
  quick: boolean,
): void {
  const kept: Kept = {
    title,
    at: new Date().toISOString(),
    machine: machine(),
    ...(quick && { quick }),
    rows,
    goals,
    ...(tables && { tables }),
    ...(answers && { answers }),
    ...(notes && { notes }),
  }
  const results: Results = { ...readResults(folder), [name]: kept }
  writeFileSync(fileIn(folder), `${JSON.stringify(results, rounded, 2)}\n`)
}

/** Five digits: more than any of these measurements has. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value
}

export function readResults(folder: string): Results {
  const file = fileIn(folder)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : {} // written above
}

function fileIn(folder: string): string {
  return join(folder, 'results.json')
}

function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  return `${model}, ${availableParallelism()} cores, Linux ${release().split('-')[0]}, Node ${process.versions.node}`
}
