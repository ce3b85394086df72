import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import { isTagged, type Channel } from '../common/channel.ts'
import { familiarSeconds } from './memory-book.ts'
import type { Digest, Familiar } from './rules.ts'

/**
 * The other workers of this machine. Connections are dealt out to workers by chance: an owner who was let in by one must
 * not be a stranger to the next, or guesses at his name lock him out there.
 */
export interface Neighbours {
  /** Somebody with this mark was let in here. */
  tell(familiar: Familiar): void
  /** Somebody with this mark was let in elsewhere, now or before this worker began. */
  onTold(heard: (familiar: Familiar) => void): void
}

/** Tells these messages from all others on the same pipe. */
const tag = 'altgate.throttling.familiar'

interface Message {
  readonly tag: typeof tag
  readonly marks: readonly Familiar[]
}

/** A worker's side. */
export function neighboursOver(channel: Channel): Neighbours {
  const send = (marks: readonly Familiar[]) => channel.send({ tag, marks } satisfies Message)
  return {
    tell: familiar => send([familiar]),
    onTold(heard) {
      channel.onMessage(message => {
        if (isTagged<Message>(message, tag)) for (const mark of message.marks) heard(mark)
      })
      send([]) // now somebody listens: what was told before is answered
    },
  }
}

/** Marks that a worker is told when it begins. */
const mostMarks = 10_000

/** The primary's side: passes on what one worker tells to all others, and to those who come later. */
export function createNeighbourhood(): { join(channel: Channel): void } {
  const listening = new Set<Channel>()
  const marks = new LRUCache<string, Digest>({ ...atMost(mostMarks), ttl: familiarSeconds * 1000 })

  function welcome(channel: Channel): void {
    listening.add(channel)
    channel.send({ tag, marks: [...marks].map(([name, digest]) => ({ name, digest })) } satisfies Message)
  }

  return {
    join(channel) {
      channel.onClose(() => listening.delete(channel))
      channel.onMessage(message => {
        if (!isTagged<Message>(message, tag)) return
        if (!listening.has(channel)) welcome(channel)
        if (message.marks.length === 0) return
        for (const { name, digest } of message.marks) marks.set(name, digest)
        for (const other of listening) if (other !== channel) other.send(message)
      })
    },
  }
}
