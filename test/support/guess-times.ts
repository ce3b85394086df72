import { Agent } from 'node:http'
import { randomUUID } from 'node:crypto'
import argon2 from 'argon2'
import bcrypt from 'bcryptjs'
import type { Altgate } from './altgate.ts'
import { foldUsername, msaScope, type Username } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { ask } from './ask.ts'
import { openOperator } from './operator.ts'

/** Kinds of hashes that other servers have made, and what they cost here. */
export const importedKinds = {
  'bcrypt 10': () => bcrypt.hash(randomUUID(), 10),
  'bcrypt 11': () => bcrypt.hash(randomUUID(), 11),
  'bcrypt 12': () => bcrypt.hash(randomUUID(), 12),
  'argon2id 64 MiB': () =>
    argon2.hash(randomUUID(), { type: argon2.argon2id, memoryCost: 65_536, timeCost: 3, parallelism: 4 }),
  'argon2id 4 MiB': () =>
    argon2.hash(randomUUID(), { type: argon2.argon2id, memoryCost: 4096, timeCost: 1, parallelism: 1 }),
  apr1: async () => '$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/',
  'SHA-512 crypt': async () =>
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  'SHA-1': async () => '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=',
  'DES crypt': async () => 'abpWIu4f4hFp2',
  'as set here': () =>
    argon2.hash(randomUUID(), { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }),
} as const

export type ImportedKind = keyof typeof importedKinds

/** Settings under which every guess is hashed. */
export const everyGuess = {
  throttle: Object.fromEntries(
    ['address', 'credential', 'everywhere'].map(each => [each, { guesses: 1_000_000, windowSeconds: 1 }]),
  ),
}

/** Imports `known0@example.com` and so on into a scope; the kinds come in turn. */
export async function importPeople(
  altgate: Altgate,
  people: number,
  kinds: readonly ImportedKind[],
  scope: string = msaScope,
) {
  const hashes = await Promise.all(kinds.map(kind => importedKinds[kind]()))
  const lines = Array.from({ length: people }, (_, n) => `known${n}@example.com:${hashes[n % hashes.length]}`)
  await altgate.must(['credential', 'import', '-', '--scope', scope], { stdin: `${lines.join('\n')}\n` })
}

/** Milliseconds that guesses took, at names that are known and at names that are not. */
export interface GuessTimes {
  readonly known: readonly number[]
  readonly unknown: readonly number[]
}

/** Which names are compared, and with what they are tried. */
interface Guesses {
  readonly known?: (n: number) => string
  readonly unknown?: (n: number) => string
  readonly password?: () => string
}

/** One guess at each name, a known and an unknown one in turn, so many at once. */
export async function timeGuesses(
  url: string,
  pairs: number,
  atOnce: number,
  { known = n => `known${n}`, unknown = n => `unknown${n}`, password = randomUUID }: Guesses = {},
): Promise<GuessTimes> {
  const names = { known, unknown }
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const times = { known: [] as number[], unknown: [] as number[] }
  const waiting = Array.from({ length: pairs }, (_, n) => n).flatMap(n =>
    // Whichever comes first waits for the other: take turns.
    (n % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)).map(whose => ({
      whose,
      n,
    })),
  )
  async function guesser(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { whose, n } = next
      const began = performance.now()
      const { status } = await ask(url, { as: [`${names[whose](n)}@example.com`, password()], agent })
      if (status !== 401) throw new Error(`a guess got ${status}`)
      times[whose].push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, guesser))
  agent.destroy()
  return times
}

/** How often a known name took longer than an unknown one: 0.5 if time tells nothing. */
export function areaUnderCurve({ known, unknown }: GuessTimes): number {
  let longer = 0
  for (const one of known) for (const other of unknown) longer += one > other ? 1 : one === other ? 0.5 : 0
  return longer / (known.length * unknown.length)
}

/**
 * The largest distance between the two distributions (Kolmogorov and Smirnov), in units of what equal ones reach once in
 * 10,000 times. Above 1, some limit tells known names from unknown ones.
 */
export function distance({ known, unknown }: GuessTimes): number {
  const shareUpTo = (times: readonly number[], most: number) =>
    times.filter(time => time <= most).length / times.length
  const largest = Math.max(
    ...[...known, ...unknown].map(at => Math.abs(shareUpTo(known, at) - shareUpTo(unknown, at))),
  )
  const critical = Math.sqrt(-Math.log(0.0001 / 2) / 2)
  return largest / (critical * Math.sqrt((known.length + unknown.length) / (known.length * unknown.length)))
}

/** How the people of `importSets` can sign in. */
export const sets = ['chosen', 'both', 'generated'] as const

/**
 * Makes sets with a chosen password, with generated ones beside it, and with generated ones alone: `chosen0@example.com` and so on.
 * Gives a generated password that is good for another user, `mallory@example.com`.
 */
export async function importSets({ config }: Altgate, each: number): Promise<string> {
  const operator = await openOperator(config, process.env)
  const { registry, generated, hasher } = operator
  try {
    const hash = await hasher.hash(new Secret(randomUUID()))
    if (hash === 'busy') throw new Error('nothing else hashes here')
    const names = (set: string) =>
      Array.from({ length: each }, (_, n) => foldUsername(`${set}${n}@example.com`))
    const chosen = [...names('chosen'), ...names('both')].map(username => ({ username, hash }))
    await registry.importCredentials('test', msaScope, chosen, () => {})
    const add = async (username: Username, name: string) => {
      const { password, ...made } = generated.make()
      await registry.addPassword('test', msaScope, { username }, { ...made, name, readOnly: name === 'b' })
      return password
    }
    for (const username of [...names('both'), ...names('generated')])
      for (const name of ['a', 'b']) await add(username, name)
    return (await add(foldUsername('mallory@example.com'), 'a')).reveal()
  } finally {
    await operator.close()
  }
}
