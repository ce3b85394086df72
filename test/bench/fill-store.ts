import { createSealing, type SealingKey } from '../../src/delegation/sealing.ts'
import type { NewGrant } from '../../src/gateway/delegation.ts'
import { foldUsername, msaScope, type AccountName, type Owner } from '../../src/gateway/names.ts'
import { noPassword, type PasswordHash } from '../../src/gateway/ports.ts'
import type { NewCredential, Problem, Registry } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createArgon2id } from '../../src/hashing/argon2id.ts'
import { openStore } from '../../src/store/store.ts'
import { account, anna, userNumber } from './people.ts'

/** What a password hash costs unless the settings say otherwise. */
export const usualCost = { memoryKiB: 19_456, passes: 2, parallelism: 1 } as const

export interface Content {
  /** Where the accounts' requests go. */
  readonly upstream: string
  /** Credentials besides Anna's. */
  readonly users?: number
  /** Called for each of them: they have generated passwords instead of a chosen one. */
  readonly generate?: (number: number) => NonNullable<NewCredential['generated']>
  /** Accounts besides the one that everybody asks for. */
  readonly accounts?: number
  /** Anna has signed in, so that her requests reach the upstream as hers. */
  readonly signedIn?: SignedIn
  /** Told how far it is. */
  readonly progress?: (text: string) => void
}

/** What Anna's sign-in gave. */
export interface SignedIn {
  readonly sealingKey: SealingKey
  readonly issuer: string
  readonly clientId: string
  /** Its length is that of an access token. */
  readonly accessToken: string
  /** The scope that it was asked for. */
  readonly of: string
}

const actor = 'cli:bench'

/** Credentials that are imported at once. */
const importSize = 50_000

/**
 * Makes a store: the account, Anna, and as many others as wanted. All have one password and one hash of it: a check
 * costs the same as if the salts differed, and a million of them need not be computed first.
 */
export async function fillStore(url: string, content: Content): Promise<void> {
  const { upstream, users = 0, generate, accounts = 0, signedIn, progress = () => {} } = content
  const store = await openStore({ url: new Secret(url) })
  try {
    const registry = store.registry(async () => {}) // nobody runs yet who would have to be told
    await done(registry.addAccount(actor, { name: account as AccountName, upstream }))
    const hash = await hashOfPassword()
    const its = signedIn && { owner }
    await done(registry.setCredential(actor, msaScope, { username: foldUsername(anna.user), hash, ...its }))
    if (signedIn !== undefined) await registry.giveGrant(actor, grantOf(signedIn))
    const proofOf = (number: number) =>
      generate === undefined ? { hash } : { hash: noPassword, generated: generate(number) }
    await addUsers(registry, users, proofOf, progress)
    for (let number = 0; number < accounts; number += 1) {
      await done(registry.addAccount(actor, { name: accountNumber(number), upstream }))
      if (number % 5000 === 0) progress(`${number} of ${accounts} accounts`)
    }
  } finally {
    await store.close()
  }
}

/** Anna signs in once more, at a store that \`fillStore\` has made. */
export async function signInAgain(url: string, signedIn: SignedIn): Promise<void> {
  const store = await openStore({ url: new Secret(url) })
  try {
    await store.registry(async () => {}).giveGrant(actor, grantOf(signedIn))
  } finally {
    await store.close()
  }
}

const owner = 'anna' as Owner

/** Its access token lives for a day, so that no provider is asked. */
function grantOf({ sealingKey, issuer, clientId, accessToken, of }: SignedIn): NewGrant {
  const sealing = createSealing([sealingKey])
  const whose = { scope: msaScope, owner, issuer, clientId }
  const token = sealing.seal(new Secret(accessToken), { accessOf: whose, of })
  return {
    ...whose,
    refreshToken: sealing.seal(new Secret('a-refresh-token'), { refreshOf: whose }),
    access: { token, of, lifeMs: 86_400_000 },
  }
}

export function accountNumber(number: number): AccountName {
  return `account${number}` as AccountName // a valid one
}

async function addUsers(
  registry: Registry,
  users: number,
  proofOf: (number: number) => Pick<NewCredential, 'hash' | 'generated'>,
  progress: (text: string) => void,
): Promise<void> {
  for (let first = 0; first < users; first += importSize) {
    const size = Math.min(importSize, users - first)
    const batch: readonly NewCredential[] = Array.from({ length: size }, (_, index) => ({
      username: foldUsername(userNumber(first + index)),
      ...proofOf(first + index),
    }))
    progress(`${first} of ${users} credentials`)
    await done(registry.importCredentials(actor, msaScope, batch, () => {}))
  }
}

async function hashOfPassword(): Promise<PasswordHash> {
  const hasher = await createArgon2id({ cost: usualCost, onFlaw: () => {} })
  return await hasher.hash(new Secret(anna.password))
}

async function done(change: Promise<Problem | undefined>): Promise<void> {
  const problem = await change
  if (problem !== undefined) throw new Error(`the store refused: ${problem.problem}`)
}
