import type { Compared, PasswordHash } from '../../src/gateway/ports.ts'
import { ipcChannel } from '../../src/common/channel.ts'
import { createRemoteHasher } from '../../src/hashing/remote.ts'
import { cheap } from './contract.ts'
import { attempt } from './vectors.ts'

// A process without lanes, as a worker of the gateway is: its parent has them.

/** What it is told: to present a password to a hash so many times at once. */
export interface WorkerTask {
  readonly callers: number
  readonly password: string
  readonly hash: PasswordHash
}

/** What it says: each answer that it got. */
export interface WorkerSays {
  readonly answers: readonly Compared[]
}

const hasher = createRemoteHasher(ipcChannel(process), { cost: cheap })
process.on('message', async (task: WorkerTask | object) => {
  if (!('callers' in task)) return
  const { callers, password, hash } = task
  const asked = Array.from({ length: callers }, () => hasher.compare(attempt(password), hash))
  process.send?.({ answers: await Promise.all(asked) } satisfies WorkerSays)
})
