import fc from 'fast-check'
import t from 'tap'
import { type ImportFileOptions, readImportFile } from '../../src/administration/import-file.ts'
import { msaScope } from '../../src/gateway/names.ts'
import { runs } from '../support/runs.ts'

const bcrypt = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const argon2 =
  '$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MWNjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2M'

const apr1 = '$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/'

async function read(text: string | Uint8Array, options: Partial<ImportFileOptions> = {}) {
  return await readImportFile(Buffer.from(text), { scope: msaScope, ...options })
}

/** The credentials, and the refused lines as they are printed. */
async function shown(text: string | Uint8Array, options: Partial<ImportFileOptions> = {}) {
  const { lines, refused } = await read(text, options)
  return {
    credentials: lines.map(({ credential }) => credential),
    faults: refused.map(({ line, reason }) => `line ${line}: ${reason}`),
  }
}

t.test('lines of both forms are read; comments, empty lines, a BOM and CRLF do not matter', async t => {
  const file = await shown(
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
  ['anna@example.com:', 'the password is not hashed'],
  ['anna@example.com:canary', 'the password is not hashed'],
  ['anna@example.com:$apr1$canary$canary', 'the hash is malformed'],
  ['anna@example.com:{MD5}X03MO1qnZdYdgyfeuILPmQ==', 'the hash is of a kind that Altgate cannot check'],
  [
    'anna@example.com:$y$j9T$canary$canary',
    'the hash is yescrypt ($y$), which Altgate cannot check: the user needs a new password',
  ],
  [`anna@example.com:${bcrypt.slice(0, -1)}`, 'the hash is malformed'],
  [`anna@example.com:${bcrypt.replace('$10$', '$31$')}`, 'the hash costs too much time or memory to check'],
]

for (const [line, fault] of faulty) {
  t.test(`the fault of ${JSON.stringify(line)} is told with its line`, async t => {
    const { faults } = await shown(`# first\n${line}\n`)
    t.same(faults, [`line 2: ${fault}`])
  })
}

t.test('a user name that comes twice is a fault, whichever of its kinds it is', async t => {
  const { faults } = await shown(
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
  t.same((await shown(bytes)).faults, [
    'line 2: is not UTF-8',
    'line 3: is not user:hash or user:hash:secondary',
  ])
})

t.test('with a domain plain names become addresses, and stay usable as secondary names', async t => {
  const lines = [
    `Anna:${apr1}`,
    `bob@other.example:${bcrypt}`,
    `carl:${bcrypt}:charly`,
    `d+e:${bcrypt}`,
    `:${bcrypt}`,
  ]
  t.same(await shown(lines.join('\n'), { domain: 'example.com' }), {
    credentials: [
      { username: 'anna@example.com', hash: apr1, secondary: 'anna' },
      { username: 'bob@other.example', hash: bcrypt },
      { username: 'carl@example.com', hash: bcrypt, secondary: 'charly' },
      { username: 'd+e@example.com', hash: bcrypt },
    ],
    faults: ['line 5: the user name is empty'],
  })
})

t.test('CSV is read by its header, whatever separates it and in whatever order its columns are', async t => {
  const anna = { username: 'anna@example.com', hash: apr1, secondary: 'anna', enabled: false }
  const bob = { username: 'bob@example.com', hash: bcrypt }
  for (const [name, text] of [
    [
      'commas',
      `user,hash,secondary,enabled\nanna@example.com,${apr1},anna,no\nbob@example.com,"${bcrypt}",,TRUE\n`,
    ],
    [
      'semicolons, quotes, another order, more columns, CRLF and a BOM',
      `\ufeff"Password hash";Department;E;Enabled;Secondary-Username;Email\r\n${apr1};"a;b";;0;Anna;Anna@example.com\r\n# note\r\n\r\n${bcrypt};c;;;;bob@example.com\r\n`,
    ],
    [
      'tabs',
      `username\tpassword\tactive\talias\nanna@example.com\t${apr1}\toff\tanna\nbob@example.com\t${bcrypt}`,
    ],
  ] as const) {
    t.equal((await read(text)).format, 'csv', name)
    t.same(await shown(text), { credentials: [anna, bob], faults: [] }, name)
  }
})

t.test('a fault of CSV is told with the line of the file', async t => {
  const bytes = Buffer.concat([
    Buffer.from(`# ours\nuser,hash,enabled\nanna,${bcrypt},\n\nbob@example.com,${bcrypt},perhaps\n,,\n`),
    Buffer.from([0xff, 0x0a]),
    Buffer.from(`carl@example.com,can"ary,\ndora@example.com,${bcrypt}\n`),
  ])
  const { credentials, faults } = await shown(bytes)
  t.same(credentials, [{ username: 'dora@example.com', hash: bcrypt }])
  t.same(faults, [
    'line 3: the user name must be an e-mail address',
    'line 5: does not say whether it is on: true or false',
    'line 6: has neither a user name nor a hash',
    'line 7: is not UTF-8',
    'line 8: is not CSV: a quotation mark is missing or misplaced',
  ])
  await t.rejects(read(`anna@example.com,${bcrypt}\n`, { format: 'csv' }), {
    message: /^The first line is no header of a CSV file/,
  })
})

t.test(
  'JSON lines are read, also those of an export; what they say of other things is passed over',
  async t => {
    const lines = [
      { kind: 'directory', id: 'x', name: 'Fabrikam' },
      { kind: 'credential', scope: 'MSA', username: 'Anna@example.com', hash: apr1, secondary: 'anna' },
      { kind: 'credential', scope: '72f988bf-86f1-41af-91ab-2d7cd011db47', username: 'b@x', hash: apr1 },
      { user: 'bob@example.com', passwordHash: bcrypt, enabled: false, secondary: null },
      { user: 'carl@example.com', owner: 'oid-of-carl' },
    ]
    const file = await read(lines.map(line => JSON.stringify(line)).join('\n'))
    t.match(file, { format: 'jsonl', elsewhere: 2, refused: [] })
    t.same(
      file.lines.map(({ credential }) => credential),
      [
        { username: 'anna@example.com', hash: apr1, secondary: 'anna' },
        { username: 'bob@example.com', hash: bcrypt, enabled: false },
        { username: 'carl@example.com', owner: 'oid-of-carl' },
      ],
    )
    const faulty = [
      '[]',
      '{"user":',
      '{"hash":"x"}',
      '{"user":"a@b","hash":7}',
      '{"user":"a@b","enabled":"yes"}',
      '{"user":"a@b","secondary":7}',
      '{"user":"a@b","scope":"x"}',
      '{"user":"a@b","owner":""}',
      '{"user":"a@b","hash":"canary"}',
    ]
    t.same((await shown(faulty.join('\n'), { format: 'jsonl' })).faults, [
      'line 1: is not a JSON object',
      'line 2: is not a JSON object',
      'line 3: has no user name',
      'line 4: its hash is not a text',
      'line 5: does not say whether it is on: true or false',
      'line 6: its secondary user name is not a text',
      'line 7: its scope is no scope',
      'line 8: its owner is not a text',
      'line 9: the password is not hashed',
    ])
  },
)

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
      '"',
      'canary',
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
    lines.map(each => Buffer.from(`user,hash\n${each.join('\n').replaceAll(':', ',')}`)),
    lines.map(each => Buffer.from(`{"user":"a"}\n${each.map(line => JSON.stringify({ line })).join('\n')}`)),
    fc.uint8Array({ maxLength: 200 }),
  )
  let credentials = 0
  await fc.assert(
    fc.asyncProperty(file, async bytes => {
      const read = await shown(bytes)
      credentials += read.credentials.length
      for (const fault of read.faults)
        if (!/^line \d+: [\x20-\x7e]+$/.test(fault) || /canary/.test(fault))
          throw new Error('a fault that repeats its line')
    }),
    { numRuns: runs(500) },
  )
  t.ok(credentials > 0)
})
