import { readdirSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { getPriority, platform, setPriority } from 'node:os'
import { Secret } from '../gateway/secret.ts'
import { createArgon2id } from './argon2id.ts'
import type { HashCost, Unreadable } from './hash-string.ts'
import type { Answer, Comparing, Making } from './queue.ts'

// A child process that computes one task at a time; `lane-process.ts` is its other end. Any failure here ends the
// process, and the parent tries the task once more in another one.

/** What the parent sends, after `ready` and after each answer. */
export type LaneTask = Making<string> | Comparing<string>

/** The messages of a lane. `flawed` precedes the answer to a comparison with an unreadable hash. */
export type LaneMessage = Answer | { readonly ready: true } | { readonly flawed: Unreadable }

/** Niceness. Hashing guesses must not take the processor from requests with a cached verdict. */
const niceness = 10

// Signals do not end it (`ignore-signals.ts`): the gateway needs its lanes to finish pending requests. A lane ends when the
// gateway ends it or is gone.
process.on('disconnect', () => process.exit())

const cost: HashCost = JSON.parse(process.argv[2] ?? '')
const argon2id = await createArgon2id({ cost, onFlaw: flawed => send({ flawed }) })
lowerPriority()
process.on('message', async (task: LaneTask) => send(await answerTo(task)))
send({ ready: true })
flushCompileCache() // Node writes it when a process ends by itself, and a lane is killed

async function answerTo(task: LaneTask): Promise<Answer> {
  const password = new Secret(task.password)
  if (!('against' in task)) return { made: await argon2id.hash(password) }
  return { compared: await argon2id.compare({ password }, task.against) }
}

function send(message: LaneMessage): void {
  process.send?.(message, undefined, undefined, error => {
    if (error !== null) process.exit() // the parent is gone
  })
}

/**
 * On Linux a priority belongs to a thread, and `setPriority(10)` would change only this one: the threads that hash
 * were already started to load modules. Elsewhere it belongs to the process.
 */
function lowerPriority(): void {
  if (getPriority() >= niceness) return // started with a lower one; raising it would be refused
  const threads = platform() === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0]
  for (const thread of threads) setPriority(thread, niceness)
}
