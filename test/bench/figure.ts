import type { Plot } from './plot.ts'
import type { Program } from './programs.ts'
import type { Stage } from './stage.ts'
import type { Spread } from './spread.ts'

/** One claim about speed or memory, and how it is measured. */
export interface Figure {
  /** As it is called on the command line; its files are named after it. */
  readonly name: string
  /** What is measured, in a few words: the heading of its table. */
  readonly title: string
  /** Programs that it cannot do without. */
  readonly programs: readonly Program[]
  /** Those of its peers: a quick run leaves out whoever is not installed. */
  readonly peers?: readonly Program[]
  readonly run: (stage: Stage) => Promise<Result>
}

/** What came out. */
export interface Result {
  readonly rows: readonly Row[]
  readonly goals: readonly Goal[]
  readonly plot: Plot
  /** For docs/performance.md, between the marks that bear the name of the figure. */
  readonly tables?: readonly Table[]
  /** What each server answered before anything was measured. */
  readonly answers?: readonly Answers[]
  /** What a reader must know to read the numbers rightly: whole sentences. */
  readonly notes?: readonly string[]
}

/** Cells as a reader sees them. */
export interface Table {
  readonly heading: readonly string[]
  readonly lines: readonly (readonly string[])[]
}

/** One measured quantity. */
export interface Row {
  readonly what: string
  /** Empty for what is counted. */
  readonly unit: string
  readonly value: Spread
}

/** What a quantity must be. */
export interface Goal {
  readonly what: string
  readonly unit: string
  readonly value: number
  readonly bound: 'at most' | 'at least'
  readonly limit: number
}

/** Status codes of one server. */
export interface Answers {
  readonly server: string
  readonly right: number
  readonly wrong: number
  readonly none: number
}

export function isMet({ value, bound, limit }: Goal): boolean {
  return bound === 'at most' ? value <= limit : value >= limit
}
