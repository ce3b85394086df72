import argon2 from 'argon2'
import bcrypt from 'bcryptjs'
import fc from 'fast-check'
import t from 'tap'
import { algorithmOf, type PasswordHash } from '../../src/gateway/ports.ts'
import { readImportedHash } from '../../src/hashing/hash-string.ts'
import { hashed } from './vectors.ts'
import { anyText } from '../support/any-text.ts'

const salt = 'c29tZXNhbHQ'
const tag = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'

/** An argon2 string with its parameters, salt and hash given. */
function phc(parameters: string, { algorithm = 'argon2id', saltText = salt, tagText = tag } = {}) {
  return `$${algorithm}$v=19$${parameters}$${saltText}$${tagText}` as PasswordHash
}

/** Two or three parts, then salt and hash: nothing in it that could be read in two ways. */
function isWellFormed(text: string): boolean {
  return [
    /^\$argon2(?:id|i|d)(?:\$[\w=,]+){1,2}(?:\$[A-Za-z0-9+/]+){2}$/,
    /^\$2[aby]\$\d\d\$[\w./]{53}$/,
    /^\$(?:apr1|1)\$[^\s$:]{0,8}\$[\w./]{22}$/,
    /^\$(?:5\$(?:rounds=\d+\$)?[\w./]{0,16}\$[\w./]{43}|6\$(?:rounds=\d+\$)?[\w./]{0,16}\$[\w./]{86})$/,
    /^\{S?SHA\}[A-Za-z0-9+/]+={0,2}$/,
    /^\{CRYPT\}[\w./]{13}$/,
  ].some(form => form.test(text))
}

function base64(bytes: number): string {
  return Buffer.alloc(bytes, 7).toString('base64').replace(/=+$/, '')
}

t.test('hashes of every known kind can be imported, whichever program made them', async t => {
  for (const { hash } of hashed) t.equal(readImportedHash(hash), hash)
  const made = [
    await argon2.hash('x', { memoryCost: 64, timeCost: 2, parallelism: 2 }),
    await argon2.hash('x', { memoryCost: 64, timeCost: 2, parallelism: 1, type: argon2.argon2d }),
    await argon2.hash('x', { memoryCost: 64, timeCost: 2, parallelism: 1, version: 16, hashLength: 16 }),
    bcrypt.hashSync('x', 4),
  ]
  for (const hash of made) t.equal(readImportedHash(hash), hash)
})

t.test('an import says by which algorithm a hash was made', async t => {
  const algorithms = hashed.map(({ hash }) => algorithmOf(hash))
  t.strictSame(
    [...Map.groupBy(algorithms, name => name)].map(([name, all]) => `${name} ${all.length}`),
    [
      'bcrypt 3',
      'argon2id 1',
      'argon2i 2',
      'apr1 3',
      'md5-crypt 3',
      'sha256-crypt 2',
      'sha512-crypt 2',
      'sha1 1',
      'salted-sha1 1',
      'des-crypt 2',
    ],
  )
  t.equal(algorithmOf(phc('m=64,t=2,p=1', { algorithm: 'argon2d' })), 'argon2d')
  t.equal(algorithmOf('damaged' as PasswordHash), 'unknown')
})

t.test('a hash of any other algorithm is refused as such', async t => {
  const others = [
    '$2x$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2',
    '$2$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2',
    '$argon2$v=19$m=64,t=2,p=1$c29tZXNhbHQ$aGFzaA',
    '_J9..rasmBYk8r9AiWNc',
    '{PLAIN}x',
    '{MD5}X03MO1qnZdYdgyfeuILPmQ==',
    '$md5$salt$hash',
    '$7$CU..../....salt$hash',
    '$gy$j9T$salt$hash',
    '$pbkdf2-sha256$29000$c2FsdA$aGFzaA',
    '$2b\u0000$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e',
    '$scrypt$ln=16,r=8,p=1$c2FsdA$aGFzaA',
  ]
  for (const text of others) t.equal(readImportedHash(text), 'algorithm', text)
  t.equal(readImportedHash('$y$j9T$salt$hash'), 'yescrypt')
  t.equal(readImportedHash('{CRYPT}$y$j9T$salt$hash'), 'yescrypt')
  for (const text of ['', 'plain', 'abpWIu4f4hFp', 'abpWIu4f4hFp2x', 'a password of many words'])
    t.equal(readImportedHash(text), 'not-hashed', text)
})

t.test('what LDAP puts in front of a hash is understood in any case', async t => {
  const [sha, salted] = ['L55TUjtiq8FBorTWAZ0jy6g129A=', 'LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0']
  const sixth = hashed.find(({ hash }) => hash.startsWith('$6$'))?.hash ?? ''
  for (const [text, hash] of [
    [`{sha}${sha}`, `{SHA}${sha}`],
    [`{sSHA}${salted}`, `{SSHA}${salted}`],
    [`{crypt}${sixth}`, sixth],
    ['{crypt}abpWIu4f4hFp2', '{CRYPT}abpWIu4f4hFp2'],
    ['abpWIu4f4hFp2', '{CRYPT}abpWIu4f4hFp2'],
  ] as const)
    t.equal(readImportedHash(text), hash)
  // It is a salt and a hash like any other, and must not be taken for a decoy.
  t.equal(readImportedHash('decoyaaaaaaaA'), '{CRYPT}decoyaaaaaaaA')
})

t.test('a damaged hash of htpasswd, crypt or LDAP is refused as malformed', async t => {
  const all = hashed.filter(({ hash }) => /^(?:\$(?:apr1|[156])\$|\{)/.test(hash))
  for (const { hash } of all) {
    t.equal(readImportedHash(hash.slice(0, -1)), 'malformed', hash)
    t.equal(readImportedHash(`${hash}\n`), 'malformed', hash)
    t.equal(readImportedHash(`${hash}x`), 'malformed', hash)
  }
  for (const text of [
    '$apr1$abcdefghi$sIQmFnT1CuEXAsyjuXjUX/', // a salt of nine characters
    '$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX2', // the same hash in another spelling
    '$apr1$abc efgh$sIQmFnT1CuEXAsyjuXjUX/',
    '$5$rounds=999$abc$aMCmwv8n/NCMbAJTfA3J3NnmM8uNzX0wfKf7ANoC4J3',
    '$5$rounds=01000$abc$aMCmwv8n/NCMbAJTfA3J3NnmM8uNzX0wfKf7ANoC4J3',
    '$5$rounds=1000$abcdefghijklmnopq$aMCmwv8n/NCMbAJTfA3J3NnmM8uNzX0wfKf7ANoC4J3',
    '{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=', // no salt
    '{SHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0', // too long
    '{CRYPT}abpWIu4f4hFp3', // the same hash in another spelling
  ])
    t.equal(readImportedHash(text), 'malformed', text)
})

t.test('a hash that would take the machine to check is refused as too dear', async t => {
  t.equal(readImportedHash(phc('m=262144,t=16,p=8')), phc('m=262144,t=16,p=8'))
  for (const parameters of ['m=262145,t=2,p=1', 'm=64,t=17,p=1', 'm=1024,t=2,p=9', 'm=999999999,t=2,p=1'])
    t.equal(readImportedHash(phc(parameters)), 'too-dear', parameters)

  const dear = (rounds: string) => `$2b$${rounds}$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`
  t.equal(readImportedHash(dear('15')), dear('15'))
  for (const rounds of ['16', '31']) t.equal(readImportedHash(dear(rounds)), 'too-dear')

  const sha = (rounds: string) =>
    `$5$rounds=${rounds}$abc$aMCmwv8n/NCMbAJTfA3J3NnmM8uNzX0wfKf7ANoC4J3` as PasswordHash
  t.equal(readImportedHash(sha('500000')), sha('500000'))
  for (const rounds of ['500001', '999999999']) t.equal(readImportedHash(sha(rounds)), 'too-dear')
})

t.test('a damaged argon2 hash is refused as malformed', async t => {
  const good = phc('m=64,t=2,p=1')
  const damaged = [
    good.slice(0, -1),
    `${good}=`,
    `${good}$`,
    `${good}\n`,
    good.replace('m=64,', ''),
    good.replace('v=19', 'v=18'),
    phc('m=64,t=0,p=1'),
    phc('m=064,t=2,p=1'),
    phc('m=4294967360,t=2,p=1'), // 64 in 32 bits
    phc('m=7,t=2,p=1'),
    phc('m=15,t=2,p=2'),
    phc('m=64,t=2,t=2'),
    phc('m=64,t=2,p=1,data=AAAA'),
    phc('m=64,t=2,p=1', { saltText: base64(7) }),
    phc('m=64,t=2,p=1', { saltText: base64(65) }),
    phc('m=64,t=2,p=1', { saltText: `${salt.slice(0, -1)}R` }),
    phc('m=64,t=2,p=1', { tagText: base64(15) }),
    phc('m=64,t=2,p=1', { tagText: base64(65) }),
    phc('m=64,t=2,p=1', { tagText: tag.replace('/', '_') }),
  ]
  for (const text of damaged) t.equal(readImportedHash(text), 'malformed', text)
})

t.test('a damaged bcrypt hash is refused as malformed', async t => {
  const good = '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'
  const damaged = [
    good.slice(0, -1),
    `${good}e`,
    `${good}\n`,
    good.replace('$04$', '$03$'),
    good.replace('$04$', '$4$'),
    good.replace('$04$', '$32$'),
    good.replace('stuuj', 'stuvj'), // the same salt in another spelling
    good.replace(/e$/, 'f'), // the same hash in another spelling
    good.replace('OTS', 'O+S'),
  ]
  for (const text of damaged) t.equal(readImportedHash(text), 'malformed', text)
})

const flaws: ReadonlySet<string> = new Set(['algorithm', 'malformed', 'too-dear', 'yescrypt', 'not-hashed'])

t.test('no text makes the import throw: it is a hash, or has one of the flaws', async t => {
  const piece = fc.constantFrom(
    '{SHA}',
    '{CRYPT}',
    '$6$',
    '$',
    'argon2id',
    'v=19',
    'm=64,t=2,p=1',
    ',',
    '2b',
    '04',
    salt,
    tag,
  )
  const pieces = fc.array(piece).map(some => some.join(''))
  const damage = fc
    .record({ hash: fc.constantFrom(...hashed.map(each => each.hash)), at: fc.nat(90), by: fc.string() })
    .map(({ hash, at, by }) => hash.slice(0, at) + by + hash.slice(at + by.length))
  fc.assert(
    fc.property(fc.oneof(anyText({ maxLength: 10 }), pieces, damage), text => {
      const read: string = readImportedHash(text)
      return isWellFormed(read) || flaws.has(read)
    }),
    { numRuns: 1000 },
  )
  t.pass()
})
