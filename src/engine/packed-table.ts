/** Numbers of records begin with 1: 0 is none. */
export type RecordNumber = number

interface Shape {
  /** Bytes of a record. */
  readonly recordBytes: number
  /** Where its key lies: random bytes, such as a part of an HMAC. */
  readonly keyAt: number
  readonly keyBytes: number
  /** Records that there may be. */
  readonly most: number
  /** Called with a record that gives way to another. */
  readonly evicted?: (record: RecordNumber) => void
}

/** Records of bytes by their key. */
export interface PackedTable {
  /** The key that `find` and `claim` are about: it is written here first, so that a call allocates nothing. */
  readonly key: Buffer
  /** The record with this key, or 0. */
  find(): RecordNumber
  /** The record with this key; if there was none, a new one. Where there is no room, one that was not used for a while is evicted. */
  claim(): RecordNumber
  /** Spares a record from the next eviction. */
  use(record: RecordNumber): void
  delete(record: RecordNumber): void
  /** The bytes that hold the record, from `offsetOf` on. */
  chunkOf(record: RecordNumber): Buffer
  offsetOf(record: RecordNumber): number
}

/** Bytes per allocation. */
const chunkBytes = 2 ** 20

/**
 * A hash table with chaining; eviction is by the CLOCK algorithm. As objects, what a worker remembers of a hundred thousand users
 * would take three times the memory, and each garbage collection would visit all of them (`npm run bench -- memory`: 205 MB
 * instead of 261).
 */
export function createPackedTable({ recordBytes, keyAt, keyBytes, most, evicted }: Shape): PackedTable {
  const heads = new Uint32Array(2 ** Math.floor(Math.log2(most)))
  const next = new Uint32Array(most + 1)
  /** 1: used since the clock hand last passed. */
  const used = new Uint8Array(most + 1)
  const chunks: Buffer[] = []
  const perChunk = Math.floor(chunkBytes / recordBytes)
  const vacant: RecordNumber[] = []
  const key = Buffer.alloc(keyBytes)
  let count = 0
  let hand = 0

  const chunkOf = (record: RecordNumber): Buffer =>
    (chunks[Math.floor(record / perChunk)] ??= Buffer.alloc(perChunk * recordBytes))
  const offsetOf = (record: RecordNumber): number => (record % perChunk) * recordBytes
  const chainOf = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at) & (heads.length - 1)

  function find(): RecordNumber {
    let record = heads[chainOf(key, 0)] ?? 0
    while (record !== 0 && !holds(record)) record = next[record] ?? 0
    return record
  }

  function holds(record: RecordNumber): boolean {
    const at = offsetOf(record) + keyAt
    return chunkOf(record).compare(key, 0, keyBytes, at, at + keyBytes) === 0
  }

  /** Puts the record at the head of the chain of `key`. */
  function link(record: RecordNumber): RecordNumber {
    key.copy(chunkOf(record), offsetOf(record) + keyAt)
    const chain = chainOf(key, 0)
    next[record] = heads[chain] ?? 0
    heads[chain] = record
    return record
  }

  function unlink(record: RecordNumber): void {
    const chain = chainOf(chunkOf(record), offsetOf(record) + keyAt)
    let before = heads[chain] ?? 0
    if (before === record) heads[chain] = next[record] ?? 0
    else {
      while (next[before] !== record) {
        before = next[before] ?? 0
        if (before === 0) throw new Error('a record is in no chain')
      }
      next[before] = next[record] ?? 0
    }
  }

  function room(): RecordNumber {
    const left = vacant.pop()
    if (left !== undefined) return left
    if (count < most) return (count += 1)
    do hand = (hand % most) + 1
    while (wasUsed(hand))
    unlink(hand)
    evicted?.(hand)
    return hand
  }

  /** Clears the mark: a used record is spared once. */
  function wasUsed(record: RecordNumber): boolean {
    const was = used[record] === 1
    used[record] = 0
    return was
  }

  return {
    key,
    find,
    claim: () => find() || link(room()),
    use(record) {
      used[record] = 1
    },
    delete(record) {
      unlink(record)
      vacant.push(record)
    },
    chunkOf,
    offsetOf,
  }
}
