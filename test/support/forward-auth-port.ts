import type { Test } from 'tap'
import { createForwardAuthServer } from '../../src/forward-auth/door.ts'
import { identityForProxy } from '../../src/gateway/upstream-auth.ts'
import type { Delegation, SignInCause } from '../../src/gateway/delegation.ts'
import type { Outage } from '../../src/gateway/outage.ts'
import type { World } from './world.ts'

/** A forward-auth port on this machine, and what it told its observer. */
export interface RunningDoor {
  readonly port: number
  readonly url: string
  readonly untrusted: string[]
  readonly bugs: unknown[]
  readonly outages: Outage[]
  /** Why users have to sign in again whose token the upstream rejected. */
  readonly signIns: SignInCause[]
  /** What clients were told in the place of a 401 of the upstream. */
  readonly notForwarded: string[]
  /** Ends at once, as if its process had died. */
  readonly stop: () => Promise<void>
}

/** Seals the answers of every door that is not given a key of its own. */
export const doorKey: Uint8Array = Buffer.alloc(32, 'answers')

interface DoorSettings {
  readonly trustedProxies?: readonly string[]
  readonly publicUrl?: string
  readonly answerKey?: Uint8Array
  readonly now?: () => number
  readonly delegation?: Pick<Delegation, 'rejected'>
}

/** Opens the door to `world`, for proxies on this machine unless told otherwise. */
export async function runningDoor(
  t: Test,
  world: World,
  {
    trustedProxies = ['127.0.0.1'],
    publicUrl = 'https://git.example.com',
    answerKey = doorKey,
    now = Date.now,
    delegation,
  }: DoorSettings = {},
): Promise<RunningDoor> {
  const untrusted: string[] = []
  const bugs: unknown[] = []
  const outages: Outage[] = []
  const signIns: SignInCause[] = []
  const notForwarded: string[] = []
  const server = createForwardAuthServer({
    gateway: world.gateway,
    witness: world.witness,
    naming: world.naming,
    publicUrl,
    trustedProxies,
    identify: identityForProxy,
    delegation,
    answerKey,
    now,
    observer: {
      untrusted: from => void untrusted.push(from),
      signInNeeded: cause => void signIns.push(cause),
      notForwarded: ({ outcome, cause }, { ask }) =>
        void notForwarded.push(`${ask.id}: ${outcome}, ${cause}`),
      outage: outage => void outages.push(outage),
      bug: error => void bugs.push(error),
    },
  })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= server.close())
  t.teardown(stop)
  return { port, url: `http://127.0.0.1:${port}`, untrusted, bugs, outages, signIns, notForwarded, stop }
}
