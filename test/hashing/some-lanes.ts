import type { Test } from 'tap'
import { startLanes, type HashResult, type LanesOptions } from '../../src/hashing/lanes.ts'
import { cheap, hashOf } from './contract.ts'
import { lanesOf } from '../support/processes.ts'

/** Real lanes, and what they have told. */
export async function someLanes(t: Test, options: Partial<LanesOptions> = {}) {
  const counted: HashResult[] = []
  const depths: number[] = []
  const crashes: Error[] = []
  const flaws: string[] = []
  const lanes = await startLanes({
    lanes: 1,
    queueLimit: 1000,
    cost: cheap,
    onHash: result => counted.push(result),
    onQueue: depth => depths.push(depth),
    onCrash: cause => crashes.push(cause),
    onFlaw: flaw => flaws.push(flaw),
    ...options,
  })
  t.teardown(() => lanes.close())
  return { lanes, counted, depths, crashes, flaws, hash: await hashOf(lanes, 'right') }
}

/** The one lane that there is. */
export function theLane(): number {
  const [pid, ...more] = lanesOf(process.pid)
  if (pid === undefined || more.length > 0) throw new Error('not one lane')
  return pid
}
