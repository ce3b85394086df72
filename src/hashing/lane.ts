import { readdirSync } from 'node:fs'
import { getPriority, platform, setPriority } from 'node:os'
import { Secret } from '../gateway/secret.ts'
import { createArgon2id } from './argon2id.ts'
import type { HashCost, Unreadable } from './hash-string.ts'
import type { Answer, Comparing, Making } from './queue.ts'

// A child process that computes one task at a time; `lane-process.ts` is its other end. Whatever fails here ends
// the process: the parent tries the task once more in another one.

/** What the parent sends, after `ready` and after each answer. */
export type LaneTask = Making<string> | Comparing<string>

/** What a lane says. `flawed` comes before the answer to a comparison with a hash that cannot be read. */
export type LaneMessage = Answer | { readonly ready: true } | { readonly flawed: Unreadable }

/** Niceness. Checking guesses must not take the processor from those whose verdict is known already. */
const niceness = 10

// Signals do not end it (`ignore-signals.ts`): the gateway finishes what is under way first and needs its lanes for that. They end
// when the gateway ends them, or is gone, however it went.
process.on('disconnect', () => process.exit())

const cost: HashCost = JSON.parse(process.argv[2] ?? '')
const argon2id = await createArgon2id({ cost, onFlaw: flawed => tell({ flawed }) })
lowerPriority()
process.on('message', async (task: LaneTask) => tell(await answerTo(task)))
tell({ ready: true })

async function answerTo(task: LaneTask): Promise<Answer> {
  const password = new Secret(task.password)
  if (!('against' in task)) return { made: await argon2id.hash(password) }
  return { compared: await argon2id.compare({ password }, task.against) }
}

function tell(message: LaneMessage): void {
  process.send?.(message, undefined, undefined, error => {
    if (error !== null) process.exit() // nobody is there to be told
  })
}

/**
 * On Linux a priority belongs to a thread, and `setPriority(10)` would change this one only: the threads that
 * hash have been started before, to load modules. Elsewhere it belongs to the process.
 */
function lowerPriority(): void {
  if (getPriority() >= niceness) return // started with a lower one; raising it would be refused
  const threads = platform() === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0]
  for (const thread of threads) setPriority(thread, niceness)
}
