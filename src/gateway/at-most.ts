/**
 * The bound of an `LRUCache` that grows as it is filled. With `max` the library takes the room of a full one at once: most
 * of ours are never full, and together they would be five megabytes in every worker.
 */
export function atMost(entries: number): {
  readonly maxSize: number
  readonly sizeCalculation: () => number
} {
  return { maxSize: entries, sizeCalculation: () => 1 }
}
