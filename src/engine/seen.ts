/** Entries beside each other that one entry may be in: with 8 bytes each, they are one line of a processor cache. */
const ways = 8

/** Those kept of one `Seen`: 2 MB outside of the heap, of which only what is used takes memory. */
const most = 2 ** 18

/** A large set of pairs of texts that forgets: a pair may be displaced by later ones, and is then new again. */
export interface Seen {
  /** Whether the pair was seen before; adds it. `random`: a text of at least 12 random characters, such as a proof. */
  has(random: string, other: string): boolean
  clear(): void
}

/**
 * Keeps 53 bits of a hash for each pair, so that one that was never seen is taken for one that was once in 10^10 times with a
 * full set. As strings in sets they would take ten times the memory, and each garbage collection would visit them
 * (`npm run bench -- memory`).
 */
export function createSeen(): Seen {
  let tags = new Float64Array(most)
  let victim = 0
  return {
    has(random, other) {
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
      tags = new Float64Array(most)
    },
  }
}

/** Two hashes by multiplication (FNV-1a) of 12 characters of one text and all of the other. Never 0, which marks a free place. */
function tagOf(random: string, other: string): number {
  let one = 0x811c9dc5
  let two = 0x9747b28c
  for (let at = 0; at < 12; at += 1) {
    const code = random.charCodeAt(at)
    one = Math.imul(one ^ code, 0x01000193)
    two = Math.imul(two ^ code, 0x85ebca6b)
    two ^= two >>> 13
  }
  for (let at = 0; at < other.length; at += 1) {
    const code = other.charCodeAt(at)
    one = Math.imul(one ^ code, 0x01000193)
    two = Math.imul(two ^ code, 0x85ebca6b)
    two ^= two >>> 13
  }
  return (two >>> 11) * 2 ** 32 + (one >>> 0) || 1
}
