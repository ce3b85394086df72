import type { KnownVerdict } from '../gateway/decision.ts'
import type { Instant, Proof, Revision, Subject, Username } from '../gateway/names.ts'

/** A right password, and until when this verdict is valid. */
export type Match = Extract<KnownVerdict, { readonly found: 'match' }> & { readonly until: Instant }

type Names = Pick<Match, 'username' | 'subject' | 'password'>

interface Unpacked {
  readonly record: number
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

/** Records per allocation: a megabyte. */
const chunkRecords = 8192

/** Matches that are kept as objects as well: those of users who are at work. */
const mostUnpacked = 500

/**
 * A hundred thousand matches are most of what a worker remembers. As objects they would take three times the memory, and
 * each garbage collection would visit all of them, which it does not do with bytes (`npm run bench -- memory`: 205 MB
 * instead of 261). This is a hash table with chaining: records are numbered from 1, and 0 ends a chain. Eviction is by the
 * CLOCK algorithm.
 */
export function createPackedMatches(most: number): PackedMatches {
  const heads = new Uint32Array(2 ** Math.ceil(Math.log2(most)))
  const next = new Uint32Array(most + 1)
  /** 1: used since the clock hand last passed. */
  const asked = new Uint8Array(most + 1)
  const chunks: Buffer[] = []
  /** Names that do not fit into their record, or that come with a generated password. */
  const longNames = new Map<number, Names>()
  /** Those that were asked for last. Each is the same object until it changes, and what follows from it can be kept with it. */
  const unpacked = new Map<Proof, Unpacked>()
  const vacant: number[] = []
  const wanted = Buffer.alloc(proofBytes)
  let used = 0
  let hand = 0

  const chunkOf = (record: number): Buffer =>
    (chunks[Math.floor(record / chunkRecords)] ??= Buffer.alloc(chunkRecords * recordBytes))
  const offsetOf = (record: number): number => (record % chunkRecords) * recordBytes
  const chainOf = (proof: Buffer, at: number): number => proof.readUInt32LE(at) & (heads.length - 1)

  /** The record of a proof; 0 if there is none. */
  function find(proof: Proof): number {
    if (wanted.write(proof, 'base64url') !== proofBytes) throw new Error('a proof has 32 bytes')
    let record = heads[chainOf(wanted, 0)] ?? 0
    while (record !== 0 && !holds(record)) record = next[record] ?? 0
    return record
  }

  function holds(record: number): boolean {
    const at = offsetOf(record) + proofAt
    return chunkOf(record).compare(wanted, 0, proofBytes, at, at + proofBytes) === 0
  }

  /** Puts a record for the proof in `wanted` at the head of its chain. */
  function link(record: number): number {
    wanted.copy(chunkOf(record), offsetOf(record) + proofAt)
    const chain = chainOf(wanted, 0)
    next[record] = heads[chain] ?? 0
    heads[chain] = record
    return record
  }

  function unlink(record: number): void {
    const chain = chainOf(chunkOf(record), offsetOf(record) + proofAt)
    let before = heads[chain] ?? 0
    if (before === record) heads[chain] = next[record] ?? 0
    else {
      while (next[before] !== record) before = next[before] ?? 0
      next[before] = next[record] ?? 0
    }
    longNames.delete(record)
  }

  function room(): number {
    const left = vacant.pop()
    if (left !== undefined) return left
    if (used < most) return (used += 1)
    do hand = (hand % most) + 1
    while (wasAsked(hand))
    unlink(hand)
    unpacked.clear() // the evicted one may be among them
    return hand
  }

  /** Clears the mark: a used record is spared once. */
  function wasAsked(record: number): boolean {
    const was = asked[record] === 1
    asked[record] = 0
    return was
  }

  function writeNames(record: number, { username, subject, password }: Match): void {
    const [chunk, at] = [chunkOf(record), offsetOf(record)]
    const lengths = [Buffer.byteLength(username), Buffer.byteLength(subject)] as const
    if (password !== undefined) return void longNames.set(record, { username, subject, password })
    if (lengths[0] + lengths[1] > namesBytes) return void longNames.set(record, { username, subject })
    longNames.delete(record)
    chunk.set(lengths, at + lengthsAt)
    chunk.write(username + subject, at + namesAt)
  }

  function readNames(record: number): Names {
    const [chunk, at] = [chunkOf(record), offsetOf(record)]
    const subjectAt = at + namesAt + chunk.readUInt8(at + lengthsAt)
    const end = subjectAt + chunk.readUInt8(at + lengthsAt + 1)
    return {
      username: chunk.toString('utf8', at + namesAt, subjectAt) as Username,
      subject: chunk.toString('utf8', subjectAt, end) as Subject,
    }
  }

  function read(record: number): Match {
    const [chunk, at] = [chunkOf(record), offsetOf(record)]
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
      asked[record] = 1
      if (last !== undefined) return last.match
      const match = read(record)
      if (unpacked.size >= mostUnpacked) unpacked.clear()
      unpacked.set(proof, { record, match })
      return match
    },
    set(proof, match) {
      unpacked.delete(proof)
      const record = find(proof) || link(room())
      const [chunk, at] = [chunkOf(record), offsetOf(record)]
      chunk.writeDoubleLE(match.until, at + untilAt)
      chunk.writeDoubleLE(match.asOf, at + asOfAt)
      writeNames(record, match)
    },
    delete(proof) {
      unpacked.delete(proof)
      const record = find(proof)
      if (record === 0) return
      unlink(record)
      vacant.push(record)
    },
  }
}
