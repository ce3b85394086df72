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

/** Ends with the settings that it was made for. */
export interface LeavingPeer extends PeerWorkers {
  leave(): void
}

/** A worker's side, once for each pipe. Each call of the result is one listener more. */
export function peerWorkersOver(channel: Channel): () => LeavingPeer {
  const listeners = new Set<(familiar: Familiar) => void>()
  const send = (marks: readonly Familiar[]) => channel.send({ tag, marks } satisfies Message)
  channel.onMessage(message => {
    if (!isTagged<Message>(message, tag)) return
    for (const mark of message.marks) for (const heard of listeners) heard(mark)
  })

  return () => {
    let heard: ((familiar: Familiar) => void) | undefined
    return {
      tell: familiar => send([familiar]),
      onTold(listener) {
        heard = listener
        listeners.add(listener)
        send([]) // asks for the marks from before this listener
      },
      leave: () => void (heard && listeners.delete(heard)),
    }
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
        if (message.marks.length === 0 || !listening.has(channel)) sendAll(channel)
        for (const { name, digest } of message.marks) marks.set(name, digest)
        for (const other of listening) if (other !== channel) other.send(message)
      })
    },
  }
}
