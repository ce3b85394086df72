/** Places that a pair may have: with 8 bytes each, they are one line of a processor cache. */
const ways = 8

/** Pairs that one set has room for: 2 MB outside of the heap, of which only what is used takes memory. */
const most = 2 ** 18

/** A large set of pairs of texts that forgets: a pair may be displaced by later ones, and is then new again. */
export interface Seen {
  /** Whether the pair was seen before; adds it. `random`: a text of at least 12 random characters, such as a proof. */
  has(random: string, other: string): boolean
  clear(): void
}

/**
 * An 8-way set-associative cache of 53-bit hashes. When it is full, a new pair counts as seen with a probability below 10^-10.
 * As strings in sets, pairs would take ten times the memory, and each garbage collection would visit them
 * (`npm run bench -- memory`).
 */
export function createSeen(): Seen {
  let tags: Float64Array | undefined
  let victim = 0
  return {
    has(random, other) {
      tags ??= new Float64Array(most)
      const tag = tagOf(random, other)
      const first = (tag % (most / ways)) * ways
      for (let at = first; at < first + ways; at += 1) {
        const here = tags[at]
        if (here === tag) return true
        if (here !== 0) continue
        tags[at] = tag
        return false
      }
      victim = (victim + 1) % ways
      tags[first + victim] = tag
      return false
    },
    clear() {
      tags = undefined
    },
  }
}

/** Characters of the random text that a hash takes: 72 bits of base64url. */
const randomLength = 12

/** Two hashes by multiplication (as FNV-1a) of both texts. Never 0, which marks a free place. */
function tagOf(random: string, other: string): number {
  let low = 0x811c9dc5
  let high = 0x9747b28c
  for (let at = 0; at < randomLength + other.length; at += 1) {
    const code = at < randomLength ? random.charCodeAt(at) : other.charCodeAt(at - randomLength)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
    high ^= high >>> 13
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0) || 1
}
