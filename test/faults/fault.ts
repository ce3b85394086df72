import type { LineFault } from './line.ts'
import type { FaultWorld, Needs } from './world.ts'

/** One way in which a part fails, and how it is mended. */
export interface Fault {
  readonly part:
    | 'Redis'
    | 'PostgreSQL'
    | 'SQLite'
    | 'upstream'
    | 'provider'
    | 'processes'
    | 'clock'
    | 'disks'
    | 'pipes'
  readonly name: string
  readonly needs: Needs
  readonly breaks: (world: FaultWorld) => unknown
  /** Left out: it is over by itself. */
  readonly mends?: (world: FaultWorld) => unknown
  /** Nothing of it reaches a caller: not even an answer that says to come again. */
  readonly unnoticed?: boolean
  /** Also run, for a moment, by the suite. */
  readonly short?: true
}

const shortKinds: ReadonlySet<LineFault['kind']> = new Set(['silent', 'surplus', 'rubbish'])

/** What a line does to the bytes of a part, each under its name. */
export function lineFaults(
  part: Fault['part'],
  needs: Needs,
  lineOf: (world: FaultWorld) => { set(fault: LineFault): void } | undefined,
  kinds: Readonly<Record<string, LineFault>>,
): readonly Fault[] {
  return Object.entries(kinds).map(([name, fault]) => ({
    part,
    name,
    needs,
    breaks: world => lineOf(world)?.set(fault),
    mends: world => lineOf(world)?.set({ kind: 'none' }),
    ...(isShort(part, fault) && { short: true as const }),
  }))
}

function isShort(part: Fault['part'], { kind }: LineFault): boolean {
  // PostgreSQL is not normal soon enough after a surplus message: docs/reliability.md says so when it is run in whole.
  if (part === 'PostgreSQL' && kind === 'surplus') return false
  return part === 'provider' ? kind === 'silent' : shortKinds.has(kind)
}
