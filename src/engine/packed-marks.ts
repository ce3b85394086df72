import type { Instant } from '../gateway/names.ts'
import { createPackedTable } from './packed-table.ts'

/** A short text that is kept under a name until a time. */
export interface Mark {
  readonly digest: string
  readonly until: Instant
}

/** Names are at least 16 characters of base64url, such as an HMAC; digests are 12. */
export interface PackedMarks {
  get(name: string): Mark | undefined
  /** Where there is no room, a mark that was not asked for in a while gives way. */
  set(name: string, mark: Mark): void
}

// A record: when it ends, 96 bits of its name, and its digest.
const recordBytes = 32
const [untilAt, nameAt, digestAt, digestEnd] = [0, 8, 20, 29]
const nameBytes = digestAt - nameAt
const digestBytes = digestEnd - digestAt

/** Marks that are kept. As objects, 100,000 took 30 MB (`npm run bench -- memory`). */
const mostMarks = 2 ** 18

export function createPackedMarks(most = mostMarks): PackedMarks {
  const table = createPackedTable({ recordBytes, keyAt: nameAt, keyBytes: nameBytes, most })
  const digestRead = Buffer.alloc(digestBytes)

  function choose(name: string): void {
    if (table.key.write(name, 0, nameBytes, 'base64url') !== nameBytes) throw new Error('a name is too short')
  }

  return {
    get(name) {
      choose(name)
      const record = table.find()
      if (record === 0) return undefined
      table.use(record)
      const [chunk, at] = [table.chunkOf(record), table.offsetOf(record)]
      const digest = chunk.toString('base64url', at + digestAt, at + digestEnd)
      return { digest, until: chunk.readDoubleLE(at + untilAt) }
    },
    set(name, { digest, until }) {
      if (digestRead.write(digest, 'base64url') !== digestBytes) throw new Error('a digest is too short')
      choose(name)
      const record = table.claim()
      const [chunk, at] = [table.chunkOf(record), table.offsetOf(record)]
      digestRead.copy(chunk, at + digestAt)
      chunk.writeDoubleLE(until, at + untilAt)
    },
  }
}
