import fc from 'fast-check'
import t from 'tap'
import { readImportFile } from '../../src/commands/credential-import.ts'
import { runs } from '../support/runs.ts'

const bcrypt = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const argon2 =
  '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MWNjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M'

const read = (text: string) => readImportFile(Buffer.from(text))

t.test('lines of both forms are read; comments, empty lines, a BOM and CRLF do not matter', async t => {
  const file = read(
    `\ufeff# users\r\n\r\nAnna@Example.com:${bcrypt}:Anna\r\n  # more\n\nbob@example.com:${argon2}`,
  )
  t.same(file.faults, [])
  t.same(file.credentials, [
    { username: 'anna@example.com', hash: bcrypt, secondary: 'anna' },
    { username: 'bob@example.com', hash: argon2 },
  ])
})

/** A line, and what is wrong with it. */
const faulty: readonly (readonly [string, string])[] = [
  ['anna@example.com', 'is not user:hash or user:hash:secondary'],
  [`anna@example.com:${bcrypt}:anna:x`, 'is not user:hash or user:hash:secondary'],
  [`:${bcrypt}`, 'the user name is empty'],
  [`anna:${bcrypt}`, 'the user name must be an e-mail address'],
  [`an na@example.com:${bcrypt}`, 'the user name contains a space'],
  [`an\u0007na@example.com:${bcrypt}`, 'the user name contains a control character'],
  [
    `anna@example.com:${bcrypt}:`,
    'the secondary user name must be 1 to 64 letters, digits, dots, hyphens or underscores',
  ],
  [
    `anna@example.com:${bcrypt}:a@b`,
    'the secondary user name must be 1 to 64 letters, digits, dots, hyphens or underscores',
  ],
  ['anna@example.com:', 'the hash is neither bcrypt nor argon2'],
  ['anna@example.com:canary', 'the hash is neither bcrypt nor argon2'],
  ['anna@example.com:$apr1$canary$canary', 'the hash is neither bcrypt nor argon2'],
  [`anna@example.com:${bcrypt.slice(0, -1)}`, 'the hash is malformed'],
  [`anna@example.com:${bcrypt.replace('$10$', '$31$')}`, 'the hash costs too much time or memory to check'],
]

for (const [line, fault] of faulty) {
  t.test(`the fault of ${JSON.stringify(line)} is told with its line`, async t => {
    const { faults } = read(`# first\n${line}\n`)
    t.same(faults, [`line 2: ${fault}`])
  })
}

t.test('a user name that comes twice is a fault, whichever of its kinds it is', async t => {
  const { faults } = read(
    [`anna@example.com:${bcrypt}:anna`, `ANNA@example.com:${bcrypt}`, `bob@example.com:${bcrypt}:Anna`].join(
      '\n',
    ),
  )
  t.same(faults, ['line 2: it repeats a user name of line 1', 'line 3: it repeats a user name of line 1'])
})

t.test('one line that is not UTF-8 is told with its number', async t => {
  const bytes = Buffer.concat([
    Buffer.from(`anna@example.com:${bcrypt}\n`),
    Buffer.from([0xff, 0x0a]),
    Buffer.from('x'),
  ])
  t.same(readImportFile(bytes).faults, [
    'line 2: is not UTF-8',
    'line 3: is not user:hash or user:hash:secondary',
  ])
})

t.test('whatever bytes a file has, each of its lines is a credential or a fault with its number', async t => {
  const cell = fc.oneof(
    fc.constantFrom(
      bcrypt,
      argon2,
      'anna@example.com',
      'anna',
      '',
      '$2b$',
      '$argon2id$',
      '\u0000',
      '\ufeff',
      '#',
      '\r',
      ' ',
    ),
    fc.string({ maxLength: 12 }),
  )
  const line = fc.oneof(
    fc.array(cell, { maxLength: 4 }).map(cells => cells.join(':')),
    fc.nat(20).map(at => `user-${at}@example.com:${bcrypt}`),
  )
  const lines = fc.array(line, { maxLength: 6 })
  const file = fc.oneof(
    lines.map(each => Buffer.from(each.join('\n'))),
    fc.uint8Array({ maxLength: 200 }),
  )
  let credentials = 0
  fc.assert(
    fc.property(file, bytes => {
      const read = readImportFile(bytes)
      credentials += read.credentials.length
      for (const fault of read.faults)
        if (!/^line \d+: [\x20-\x7e]+$/.test(fault)) throw new Error('a fault that repeats its line')
    }),
    { numRuns: runs(500) },
  )
  t.ok(credentials > 0)
})
