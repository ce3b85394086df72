import { Outage } from '../gateway/outage.ts'
import type { PasswordHasher } from '../gateway/ports.ts'
import { Secret } from '../gateway/secret.ts'
import { isTagged, type Channel } from '../common/channel.ts'
import type { HashCost } from './hash-string.ts'
import { createHasher } from './hasher.ts'
import type { Answer, Asked, Comparing, Making, Task } from './queue.ts'

// The workers of one machine share the lanes of their primary process: one budget, one queue, shared computations. The
// tags distinguish these messages from all others on the same pipe.
const questionTag = 'altgate.hashing.question'
const replyTag = 'altgate.hashing.reply'

interface Question {
  readonly tag: typeof questionTag
  readonly id: number
  readonly task: Making<string> | (Comparing<string> & Asked)
}

interface Reply {
  readonly tag: typeof replyTag
  readonly id: number
  /** `outage`: why there is no answer. */
  readonly result: Answer | 'busy' | { readonly outage: string }
}

/** The worker's side. Equal comparisons cost one message. Throws `Outage` when the lanes do, or when the primary is gone. */
export function createRemoteHasher(channel: Channel, { cost }: { readonly cost: HashCost }): PasswordHasher {
  const waiting = new Map<number, PromiseWithResolvers<Answer | 'busy'>>()
  let questions = 0
  let open = true

  channel.onMessage(message => {
    if (!isTagged<Reply>(message, replyTag)) return
    const { id, result } = message
    if (typeof result === 'object' && 'outage' in result) waiting.get(id)?.reject(outage(result.outage))
    else waiting.get(id)?.resolve(result)
    waiting.delete(id)
  })
  channel.onClose(() => {
    open = false
    for (const answer of waiting.values()) answer.reject(outage('the process with the hash lanes is gone'))
    waiting.clear()
  })

  return createHasher(async task => {
    if (!open) throw outage('the process with the hash lanes is gone')
    const id = questions++
    const answer = Promise.withResolvers<Answer | 'busy'>()
    waiting.set(id, answer)
    channel.send({ tag: questionTag, id, task: revealed(task) } satisfies Question)
    return answer.promise
  }, cost)
}

/** The primary's side: answers one worker's questions until the channel closes. */
export function serveHashing(lanes: PasswordHasher, channel: Channel): void {
  channel.onMessage(async message => {
    if (!isTagged<Question>(message, questionTag)) return
    const { id, task } = message
    channel.send({ tag: replyTag, id, result: await resultOf(lanes, task) } satisfies Reply)
  })
}

async function resultOf(lanes: PasswordHasher, task: Question['task']): Promise<Reply['result']> {
  const password = new Secret(task.password)
  try {
    if ('against' in task) {
      const compared = await lanes.compare({ password, proof: task.proof }, task.against, task.traffic)
      return compared === 'busy' ? 'busy' : { compared }
    }
    const made = await lanes.hash(password)
    return made === 'busy' ? 'busy' : { made }
  } catch (error) {
    if (!(error instanceof Outage)) throw error
    return { outage: String(error.cause) }
  }
}

function revealed(task: Task): Question['task'] {
  return { ...task, password: task.password.reveal() }
}

function outage(cause: string): Outage {
  return new Outage('hashing', new Error(cause))
}
