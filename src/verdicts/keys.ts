import type { Slot } from '../gateway/names.ts'
import type { Pool } from './kept.ts'

/** The hash of a slot's verdicts in Redis: field = proof. The braces keep all keys of one slot on one node of a Cluster. */
export function poolKey(pool: Pool, slot: Slot): string {
  return `altgate:${pool}:{${slot}}`
}

/** The revision before which nothing found about a slot is believed. */
export function goneKey(slot: Slot): string {
  return `altgate:gone:{${slot}}`
}
