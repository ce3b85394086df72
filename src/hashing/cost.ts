/** What one argon2id computation costs. OWASP's minimum, 19456 KiB and 2 passes, takes about 30 ms of one core. */
export interface HashCost {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
}

/** True if `cost` is not below `other` in any dimension. */
export function isAtLeast(cost: HashCost, other: HashCost): boolean {
  return (
    cost.memoryKiB >= other.memoryKiB && cost.passes >= other.passes && cost.parallelism >= other.parallelism
  )
}
