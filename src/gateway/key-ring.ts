import type { Instant } from './names.ts'

/** What the keys in the store are for. All processes that share a store share them. */
export type KeyName =
  /** Names users and passwords in caches and counters. It stays as long as the store does. */
  | 'names'
  /** Seals what Redis holds. */
  | 'verdicts'
  /** Makes and checks generated passwords. */
  | 'passwords'
  /** Signs assertions for upstreams. */
  | 'assertions'
  /** Seals answers on their way through a proxy, LFS actions, and sign-ins in progress. */
  | 'answers'
  | 'lfs-actions'
  | 'sign-ins'
  /** Makes and checks tokens of the API. */
  | 'api-tokens'

/** Those that `altgate keys rotate` replaces. */
export const rotatedKeys = [
  'verdicts',
  'passwords',
  'assertions',
  'answers',
  'lfs-actions',
  'sign-ins',
  'api-tokens',
] as const satisfies readonly KeyName[]

export type RotatedKey = (typeof rotatedKeys)[number]

export interface Key {
  readonly id: number
  /** 32 random bytes. */
  readonly bytes: Uint8Array
}

/** The keys for one use. They change while the process runs, so read them each time. */
export interface KeyRing {
  /** What is made now is made with it. */
  readonly current: Key
  /** Whatever one of them has made counts. A new key is among them before it makes anything. */
  readonly all: readonly Key[]
}

/** A ring, or a single key, which never changes. */
export type Keys = KeyRing | Uint8Array

function ringOf(keys: Keys): KeyRing {
  if (!(keys instanceof Uint8Array)) return keys
  const current = { id: 1, bytes: keys }
  return { current, all: [current] }
}

/** What is derived from the keys of a ring, once for each key. */
export interface Derived<T> {
  current(): T
  all(): readonly T[]
}

export function derive<T>(keys: Keys, from: (key: Key) => T): Derived<T> {
  const ring = ringOf(keys)
  const made = new WeakMap<Key, T>()
  let seen: readonly Key[] | undefined
  let all: readonly T[] = []

  function of(key: Key): T {
    const known = made.get(key)
    if (known !== undefined) return known
    const fresh = from(key)
    made.set(key, fresh)
    return fresh
  }

  return {
    current: () => of(ring.current),
    all() {
      if (seen !== ring.all) all = ring.all.map(of)
      seen = ring.all
      return all
    },
  }
}

/** The first result for any of them that is not `undefined`. */
export function firstOf<Each, Result>(
  all: readonly Each[],
  open: (each: Each) => Result | undefined,
): Result | undefined {
  for (const each of all) {
    const result = open(each)
    if (result !== undefined) return result
  }
  return undefined
}

/** A key in the store, for operators. */
export interface KeyRecord {
  readonly name: KeyName
  readonly id: number
  /** `waiting`: every process knows it, and none makes anything with it yet. */
  readonly use: 'waiting' | 'current' | 'former'
  /** `undefined`: before this was kept. */
  readonly madeAt?: Instant
  readonly usedFrom?: Instant
  /** Generated passwords that count and need it; only of `passwords`. */
  readonly passwords?: number
  /** Tokens that need it; only of `api-tokens`. */
  readonly tokens?: number
}

/** Changes keys, one step at a time: each is in force in every process when it resolves. Throws `Outage`. */
export interface KeyKeeper {
  list(): Promise<readonly KeyRecord[]>
  /** Adds a key, with which nothing is made yet; gives its id. There may be one already. */
  add(actor: string, name: RotatedKey): Promise<number>
  /** From now on it makes everything. */
  use(actor: string, name: RotatedKey, id: number): Promise<void>
  /** Deletes a former key. Generated passwords and tokens that need it are revoked. `false`: it is not a former one. */
  retire(actor: string, name: RotatedKey, id: number): Promise<boolean>
}
