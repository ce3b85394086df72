import type { KnownVerdict } from '../gateway/decision.ts'
import type { Instant, Proof, Revision, Subject, Username } from '../gateway/names.ts'
import { createPackedTable, type RecordNumber } from './packed-table.ts'

/** A right password, and until when this verdict is valid. */
export type Match = Extract<KnownVerdict, { readonly found: 'match' }> & { readonly until: Instant }

type Names = Pick<Match, 'username' | 'subject' | 'password'>

interface Unpacked {
  readonly record: RecordNumber
  readonly match: Match
}

export interface PackedMatches {
  get(proof: Proof): Match | undefined
  /** When it is full, a match that was not used for a while is evicted. */
  set(proof: Proof, match: Match): void
  delete(proof: Proof): void
}

// A record: two numbers, the decoded proof, the lengths of two names, and the names.
const recordBytes = 128
const [untilAt, asOfAt, proofAt, lengthsAt, namesAt] = [0, 8, 16, 48, 50]
const proofBytes = lengthsAt - proofAt
const namesBytes = recordBytes - namesAt

/**
 * Matches that are kept as objects as well, so that what follows from one can be kept with it. A match is admitted when it is asked for again
 * before another one that shares its place in `lastAsked`: those of users who come once would only grow old
 * (`npm run bench -- memory`: in its first 300,000 requests 155 MB instead of 165).
 */
const mostUnpacked = 512

export function createPackedMatches(most: number): PackedMatches {
  const table = createPackedTable({ recordBytes, keyAt: proofAt, keyBytes: proofBytes, most, evicted })
  /** Names that do not fit into their record, or that come with a generated password. */
  const longNames = new Map<RecordNumber, Names>()
  /** Each is the same object until it changes, or this is full. */
  const unpacked = new Map<Proof, Unpacked>()
  const lastAsked = new Uint32Array(mostUnpacked)

  function choose(proof: Proof): void {
    if (table.key.write(proof, 'base64url') !== proofBytes) throw new Error('a proof has 32 bytes')
  }

  function find(proof: Proof): RecordNumber {
    choose(proof)
    return table.find()
  }

  function keep(proof: Proof, match: Unpacked): void {
    if (unpacked.size >= mostUnpacked) unpacked.clear()
    unpacked.set(proof, match)
  }

  function evicted(record: RecordNumber): void {
    longNames.delete(record)
    unpacked.clear() // the evicted one may be among them
  }

  function writeNames(
    record: RecordNumber,
    { username, subject, password }: Match,
    lengths: readonly [number, number],
  ): void {
    const [chunk, at] = [table.chunkOf(record), table.offsetOf(record)]
    if (password !== undefined) return void longNames.set(record, { username, subject, password })
    if (lengths[0] + lengths[1] > namesBytes) return void longNames.set(record, { username, subject })
    longNames.delete(record)
    chunk.set(lengths, at + lengthsAt)
    chunk.write(username + subject, at + namesAt)
  }

  function readNames(record: RecordNumber): Names {
    const [chunk, at] = [table.chunkOf(record), table.offsetOf(record)]
    const subjectAt = at + namesAt + chunk.readUInt8(at + lengthsAt)
    const end = subjectAt + chunk.readUInt8(at + lengthsAt + 1)
    return {
      username: chunk.toString('utf8', at + namesAt, subjectAt) as Username,
      subject: chunk.toString('utf8', subjectAt, end) as Subject,
    }
  }

  function read(record: RecordNumber): Match {
    const [chunk, at] = [table.chunkOf(record), table.offsetOf(record)]
    const { username, subject, password } = longNames.get(record) ?? readNames(record)
    const asOf = chunk.readDoubleLE(at + asOfAt) as Revision
    const until = chunk.readDoubleLE(at + untilAt)
    const match: Match = { found: 'match', username, subject, asOf, via: 'l1', until }
    return password === undefined ? match : { ...match, password }
  }

  return {
    get(proof) {
      const last = unpacked.get(proof)
      const record = last?.record ?? find(proof)
      if (record === 0) return undefined
      table.use(record)
      if (last !== undefined) return last.match
      const match = read(record)
      if (lastAsked[record % mostUnpacked] === record) keep(proof, { record, match })
      else lastAsked[record % mostUnpacked] = record
      return match
    },
    set(proof, match) {
      unpacked.delete(proof)
      choose(proof)
      // What could fail comes first: a record must never have a new proof and the names of its last user.
      const lengths = [Buffer.byteLength(match.username), Buffer.byteLength(match.subject)] as const
      const record = table.claim()
      const [chunk, at] = [table.chunkOf(record), table.offsetOf(record)]
      chunk.writeDoubleLE(match.until, at + untilAt)
      chunk.writeDoubleLE(match.asOf, at + asOfAt)
      writeNames(record, match, lengths)
    },
    delete(proof) {
      unpacked.delete(proof)
      const record = find(proof)
      if (record === 0) return
      longNames.delete(record)
      table.delete(record)
    },
  }
}
