import type { Test } from 'tap'
import { createForwardAuthServer } from '../../src/forward-auth/door.ts'
import { identityOf } from '../../src/gateway/upstream-auth.ts'
import type { World } from './world.ts'

/** A forward-auth port on this machine, and what it told its observer. */
export interface RunningDoor {
  readonly port: number
  readonly url: string
  readonly untrusted: string[]
  readonly bugs: unknown[]
  /** Ends at once, as if its process had died. */
  readonly stop: () => Promise<void>
}

/** Seals the answers of every door that is not given a key of its own. */
export const doorKey: Uint8Array = Buffer.alloc(32, 'answers')

/** Opens the door to `world`, for proxies on this machine unless told otherwise. */
export async function runningDoor(
  t: Test,
  world: World,
  {
    trustedProxies = ['127.0.0.1'],
    publicUrl = 'https://git.example.com',
    answerKey = doorKey,
    now = Date.now,
  } = {},
): Promise<RunningDoor> {
  const untrusted: string[] = []
  const bugs: unknown[] = []
  const server = createForwardAuthServer({
    gateway: world.gateway,
    witness: world.witness,
    naming: world.naming,
    publicUrl,
    trustedProxies,
    identify: identityOf,
    answerKey,
    now,
    observer: {
      untrusted: from => void untrusted.push(from),
      bug: error => void bugs.push(error),
    },
  })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= server.close())
  t.teardown(stop)
  return { port, url: `http://127.0.0.1:${port}`, untrusted, bugs, stop }
}
