import type { AttemptKeys } from '../gateway/attempt.ts'
import { decodeBasic } from '../gateway/credential.ts'
import type { Decision } from '../gateway/decision.ts'
import { createGateway } from '../gateway/gateway.ts'
import type { AccountName, Username } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import { Secret } from '../gateway/secret.ts'
import { createVerifier } from '../gateway/verifier.ts'
import type { Settings } from '../settings/schema.ts'
import { listen, type Ports, type Station } from './stations.ts'

/** What became of one attempt, station by station. */
export interface Walk {
  readonly stations: readonly Station[]
  readonly decision: Decision
  /** The part that failed on the way, if one did. */
  readonly outage: Outage | undefined
}

export interface Presented {
  readonly name: AccountName
  readonly username: Username
  readonly password: Secret
}

/** Sends one attempt through the gateway's own code, past all caches, and notes what each port answers. */
export async function walk(
  { name, username, password }: Presented,
  { keys, ...ports }: Ports & { readonly keys: AttemptKeys },
  { accounts: { naming } }: Settings,
): Promise<Walk> {
  const stations: Station[] = []
  const header = new Secret(`Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`)
  stations.push({ station: 'decode', found: decoded(header) }, { station: 'account', found: name })

  let outage: Outage | undefined
  const { accounts, credentials, hasher, generated } = listen(ports, station => stations.push(station))
  const gateway = createGateway({
    naming,
    httpsOnly: false,
    news: { catchUp: () => undefined },
    accounts,
    keys,
    verifier: createVerifier({
      credentials,
      // Explaining must show what the store says now, and must leave nothing behind.
      verdicts: { recall: () => undefined, remember: () => undefined },
      hasher,
      decoys: { like: async () => 'decoy' },
      generated,
      // The operator is asked for the password, and guesses nothing.
      throttle: {
        admit: async () => ({ absolve() {}, welcome() {} }),
        again: () => undefined,
        recognise() {},
      },
      upgradeFailed: () => undefined,
      provedInPart: () => undefined,
    }),
    outage: broken => {
      outage = broken
    },
  })

  const decision = await gateway.decide({
    id: 'explain',
    method: 'GET',
    target: naming.by === 'path' ? `/${name}/` : '/',
    host: naming.by === 'path' ? 'localhost' : `${name}${naming.suffix}`,
    authorization: [header],
    from: '127.0.0.1',
    secure: true,
    lane: 'production',
  })
  return { stations, decision, outage }
}

function decoded(header: Secret): string {
  const read = decodeBasic([header])
  if (typeof read === 'string') return `HTTP Basic cannot carry it: ${read}`
  return `HTTP Basic with the user name ${read.username} and a password`
}
