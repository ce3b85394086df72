import { foldUsername, msaScope, type AccountName } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
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
  /** Accounts besides the one that everybody asks for. */
  readonly accounts?: number
  /** Told how far it is. */
  readonly progress?: (text: string) => void
}

const actor = 'cli:bench'

/** Credentials that are imported at once. */
const importSize = 50_000

/**
 * Makes a store: the account, Anna, and as many others as wanted. All have one password and one hash of it: a check
 * costs the same as if the salts differed, and a million of them need not be computed first.
 */
export async function fillStore(url: string, content: Content): Promise<void> {
  const { upstream, users = 0, accounts = 0, progress = () => {} } = content
  const store = await openStore({ url: new Secret(url) })
  try {
    const registry = store.registry(async () => {}) // nobody runs yet who would have to be told
    await done(registry.addAccount(actor, { name: account as AccountName, upstream }))
    const hash = await hashOfPassword()
    await done(registry.setCredential(actor, msaScope, { username: foldUsername(anna.user), hash }))
    await addUsers(registry, users, hash, progress)
    for (let number = 0; number < accounts; number += 1) {
      await done(registry.addAccount(actor, { name: accountNumber(number), upstream }))
      if (number % 5000 === 0) progress(`${number} of ${accounts} accounts`)
    }
  } finally {
    await store.close()
  }
}

export function accountNumber(number: number): AccountName {
  return `account${number}` as AccountName // a valid one
}

async function addUsers(
  registry: Registry,
  users: number,
  hash: PasswordHash,
  progress: (text: string) => void,
): Promise<void> {
  for (let first = 0; first < users; first += importSize) {
    const size = Math.min(importSize, users - first)
    const batch: readonly NewCredential[] = Array.from({ length: size }, (_, index) => ({
      username: foldUsername(userNumber(first + index)),
      hash,
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
