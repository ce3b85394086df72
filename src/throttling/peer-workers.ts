import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import { isTagged, type Channel } from '../common/channel.ts'
import { familiarSeconds } from './memory-counters.ts'
import type { Digest, Familiar } from './rules.ts'

/**
 * The other workers of this machine. Connections reach workers at random: an address that is familiar to one must be
 * familiar to all, or guesses at a user name lock its owner out on the others.
 */
export interface PeerWorkers {
  /** Tells the others that a client with this mark was admitted here. */
  tell(familiar: Familiar): void
  /** `heard`: a client with this mark was admitted by another worker, now or before this worker started. */
  onTold(heard: (familiar: Familiar) => void): void
}

/** Distinguishes these messages from all others on the same pipe. */
const tag = 'altgate.throttling.familiar'

interface Message {
  readonly tag: typeof tag
  readonly marks: readonly Familiar[]
}

/** A worker's side. */
export function peerWorkersOver(channel: Channel): PeerWorkers {
  const send = (marks: readonly Familiar[]) => channel.send({ tag, marks } satisfies Message)
  return {
    tell: familiar => send([familiar]),
    onTold(heard) {
      channel.onMessage(message => {
        if (isTagged<Message>(message, tag)) for (const mark of message.marks) heard(mark)
      })
      send([]) // asks for the marks from before this worker started
    },
  }
}

/** Marks sent to a worker when it starts. */
const mostMarks = 10_000

/** The primary's side: relays each worker's marks to all others, and to workers that start later. */
export function createPeerRelay(): { join(channel: Channel): void } {
  const listening = new Set<Channel>()
  const marks = new LRUCache<string, Digest>({ ...atMost(mostMarks), ttl: familiarSeconds * 1000 })

  function sendAll(channel: Channel): void {
    listening.add(channel)
    channel.send({ tag, marks: [...marks].map(([name, digest]) => ({ name, digest })) } satisfies Message)
  }

  return {
    join(channel) {
      channel.onClose(() => listening.delete(channel))
      channel.onMessage(message => {
        if (!isTagged<Message>(message, tag)) return
        if (!listening.has(channel)) sendAll(channel)
        if (message.marks.length === 0) return
        for (const { name, digest } of message.marks) marks.set(name, digest)
        for (const other of listening) if (other !== channel) other.send(message)
      })
    },
  }
}
