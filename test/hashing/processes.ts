import { readdirSync, readFileSync } from 'node:fs'

/** The hash lanes that are children of a process. */
export function lanesOf(parent: number): readonly number[] {
  return running().filter(pid => isLane(pid) && statOf(pid)?.parent === parent)
}

/** Whether a process runs; one that has ended but was not waited for yet does not. */
export function isRunning(pid: number): boolean {
  const stat = statOf(pid)
  return stat !== undefined && stat.state !== 'Z'
}

/** The niceness of each thread. */
export function nicenessOf(pid: number): readonly (number | undefined)[] {
  return readdirSync(`/proc/${pid}/task`).map(thread => statOf(`${pid}/task/${thread}`)?.nice)
}

/** What anybody on the machine, and its owner, can read about a process: command line and environment. */
export function visibleOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
}

function running(): readonly number[] {
  return readdirSync('/proc').map(Number).filter(isRunning)
}

function isLane(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/hashing/lane.ts')
  } catch {
    return false // ended meanwhile
  }
}

function statOf(pid: number | string) {
  try {
    // After the name, which may hold anything, in parentheses: proc(5).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { state: fields[0], parent: Number(fields[1]), nice: Number(fields[16]) }
  } catch {
    return undefined
  }
}
