import bcrypt from 'bcryptjs'
import type { Test } from 'tap'
import { readPassword } from '../../src/gateway/credential.ts'
import type { PasswordHash, PasswordHasher } from '../../src/gateway/ports.ts'
import type { HashCost } from '../../src/hashing/hash-string.ts'
import { attempt, hashed } from './vectors.ts'

/** As little as argon2 takes in good time: what is tested is not the cost. */
export const cheap: HashCost = { memoryKiB: 1024, passes: 2, parallelism: 1 }

/** What every `PasswordHasher` with `cheap` as its cost must do. */
export async function keepsTheContract(t: Test, hasher: PasswordHasher): Promise<void> {
  await t.test('the right password matches its hash, any other does not', async t => {
    const hash = await hashOf(hasher, 'correct horse')
    t.equal(await hasher.compare(attempt('correct horse'), hash), 'match')
    t.equal(await hasher.compare(attempt('correct hors'), hash), 'mismatch')
    t.equal(await hasher.compare(attempt('Correct horse'), hash), 'mismatch')
  })

  await t.test('one password has another hash each time it is set', async t => {
    t.not(await hashOf(hasher, 'correct horse'), await hashOf(hasher, 'correct horse'))
  })

  await t.test('nothing matches the decoy, not even nothing', async t => {
    for (const password of ['', 'decoy', 'correct horse'])
      t.equal(await hasher.compare(attempt(password), 'decoy'), 'mismatch')
  })

  await t.test('a password is the same however the keyboard composes it', async t => {
    const hash = await hashOf(hasher, 'passe\u0301')
    t.equal(await hasher.compare(attempt('pass\u00e9'), hash), 'match')
  })

  await t.test('a password of a thousand characters counts to the last one', async t => {
    const hash = await hashOf(hasher, `${'x'.repeat(1023)}a`)
    t.equal(await hasher.compare(attempt(`${'x'.repeat(1023)}a`), hash), 'match')
    t.equal(await hasher.compare(attempt(`${'x'.repeat(1023)}b`), hash), 'mismatch')
  })

  for (const { by, password, hash } of hashed)
    await t.test(`a hash made by ${by} opens for its password only, and is outdated`, async t => {
      t.equal(await hasher.compare(attempt(password), hash), 'match')
      t.equal(await hasher.compare(attempt(`${password}.`), hash), 'mismatch')
      t.ok(hasher.outdated(hash))
    })

  await t.test('bcrypt proves a password of less than 72 bytes, and the beginning of any other', async t => {
    const [, , , argon2id] = hashed
    if (argon2id === undefined) return t.fail()
    for (const id of ['2a', '2b', '2y']) {
      const long = 'x'.repeat(84)
      const hash = bcrypt.hashSync(long, 4).replace('$2b$', `$${id}$`) as PasswordHash
      for (const [password, compared, whole] of [
        [long, 'match', false],
        [`${long.slice(0, 72)}other`, 'match', false],
        [long.slice(0, 72), 'match', false],
        ['\u00e9'.repeat(36), 'mismatch', false],
        [long.slice(0, 71), 'mismatch', true],
      ] as const) {
        t.equal(await hasher.compare(attempt(password), hash), compared, password)
        t.equal(hasher.provesWhole(readPassword(password), hash), whole, password)
      }
      t.ok(hasher.provesWhole(readPassword(long), argon2id.hash))
    }
    t.notOk(hasher.provesWhole(readPassword('x'), '$2x$05$damaged' as PasswordHash))
  })

  await t.test('DES crypt proves a password of less than 8 characters of ASCII, and no other', async t => {
    const hash = '{CRYPT}ZziV3MgI7K8nk' as PasswordHash // of `correct horse`
    for (const [password, compared, whole] of [
      ['correct horse', 'match', false],
      ['correct heart', 'match', false],
      ['correct ', 'match', false],
      ['correct', 'mismatch', true],
      ['corr\u00e9', 'mismatch', false],
    ] as const) {
      t.equal(await hasher.compare(attempt(password), hash), compared, password)
      t.equal(hasher.provesWhole(readPassword(password), hash), whole, password)
    }
    for (const { hash } of hashed.filter(({ by }) => /SHA|MD5|apr1/.test(by)))
      t.ok(hasher.provesWhole(readPassword('x'.repeat(200)), hash))
  })

  await t.test('a damaged, empty or unknown hash never matches', async t => {
    const texts = ['', 'decoy', 'correct horse', '$argon2id$', '$2b$04$', '{SSHA}c2FsdA', '$1$a$b']
    const more = ['abpWIu4f4hFp2', '{CRYPT}', '{SHA}', '$6$rounds=1$a$b', '$apr1$$', '$y$j9T$a$b']
    for (const text of [...texts, ...more])
      for (const password of ['', 'correct horse', text])
        t.equal(await hasher.compare(attempt(password), text as PasswordHash), 'mismatch')
  })

  await t.test('a hash of our own is not outdated', async t => {
    t.notOk(hasher.outdated(await hashOf(hasher, 'correct horse')))
  })
}

/** The hash of a password; fails the test if the hasher is busy. */
export async function hashOf(hasher: PasswordHasher, password: string): Promise<PasswordHash> {
  const hash = await hasher.hash(readPassword(password))
  if (hash === 'busy') throw new Error('busy')
  return hash
}
