import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks per second in /proc: 100 on every Linux that Node runs on. */
const ticks = 100

/**
 * Seconds of CPU, user and system, that a process and all that descend from it have used so far; those that have
 * ended count through whoever waited for them. Two readings and their difference are what something has cost.
 */
export function cpuOf(pid: number): number {
  const used = treeOf(pid).flatMap(each => statOf(each)?.used ?? [])
  return used.reduce((sum, each) => sum + each, 0) / ticks
}

/** Bytes of memory that a process holds, without what it has swapped out. */
export function memoryOf(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1]
  return Number(kib ?? 0) * 1024
}

/** A process and all that descend from it. */
export function treeOf(root: number): readonly number[] {
  const children = Map.groupBy(running(), pid => statOf(pid)?.parent)
  const descend = (pid: number): readonly number[] => [pid, ...(children.get(pid) ?? []).flatMap(descend)]
  return descend(root)
}

function running(): readonly number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

/** The fields of proc(5) after the name, which may hold anything, in parentheses. */
function statOf(pid: number): { readonly parent: number; readonly used: number } | undefined {
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  if (fields === undefined) return undefined
  const [user = 0, system = 0, usersOfChildren = 0, systemOfChildren = 0] = fields.slice(11, 15)
  return { parent: fields[1] ?? 0, used: user + system + usersOfChildren + systemOfChildren }
}

/** `undefined`: the process has ended meanwhile. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
