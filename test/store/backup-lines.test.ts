import t from 'tap'
import { type BackupHeader, type BackupPart, readLines, writeLines } from '../../src/store/backup-lines.ts'

const header: BackupHeader = {
  altgate: 'backup',
  format: 1,
  version: '0.1.0',
  takenAt: '2027-01-31T08:00:00.000Z',
  store: 'a-store',
  changes: 3,
  token: 'a-token',
  migrations: ['0001-first-tables'],
}

async function* tables() {
  yield {
    table: 'accounts',
    columns: ['name', 'upstream'],
    rows: pages([
      ['contoso', 'é\n"'],
      ['fabrikam', null],
    ]),
  }
  yield { table: 'members', columns: ['account'], rows: pages([]) }
  yield { table: 'changes', columns: ['revision'], rows: pages([[1], [2]], [[3]]) }
}

async function* pages<Row>(...all: readonly (readonly Row[])[]) {
  yield* all
}

async function written(): Promise<string> {
  let text = ''
  for await (const piece of writeLines(header, tables(), () => {})) text += piece
  return text
}

/** In chunks of so many bytes. */
async function read(text: string | Buffer, size = 7): Promise<readonly BackupPart[]> {
  const bytes = Buffer.from(text)
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const parts: BackupPart[] = []
  for await (const part of readLines(chunks())) parts.push(part)
  return parts
}

t.test('what is written is read, in chunks of any size', async t => {
  const text = await written()
  for (const size of [1, 7, 4096])
    t.strictSame(await read(text, size), [
      { header },
      { table: 'accounts', columns: ['name', 'upstream'] },
      {
        rows: [
          ['contoso', 'é\n"'],
          ['fabrikam', null],
        ],
      },
      { table: 'members', columns: ['account'] },
      { table: 'changes', columns: ['revision'] },
      { rows: [[1], [2], [3]] },
      { complete: { accounts: 2, members: 0, changes: 3 } },
    ])
})

t.test('a backup that is cut anywhere is refused', async t => {
  const text = Buffer.from(await written())
  for (let end = 0; end < text.length - 1; end += 1)
    await t.rejects(read(text.subarray(0, end), 4096), { message: /incomplete|not a backup/ }, `${end}`)
})

t.test('a byte that is changed anywhere is noticed', async t => {
  const text = Buffer.from(await written())
  for (let at = 0; at < text.length - 1; at += 1) {
    const other = Buffer.from(text)
    other[at] = (other[at] ?? 0) ^ 1
    await t.rejects(read(other, 4096), { message: /damaged|incomplete|not a backup|newer/ }, `${at}`)
  }
})

t.test('a line more, a line less or a line in another place is noticed', async t => {
  const lines = (await written()).split(/(?<=\n)/)
  for (let at = 1; at < lines.length; at += 1) {
    const without = lines.toSpliced(at, 1).join('')
    const twice = lines.toSpliced(at, 0, lines[at] ?? '').join('')
    for (const text of [without, twice])
      await t.rejects(read(text), { message: /damaged|incomplete/ }, `${at}`)
  }
})

t.test('what is no backup, or of a format to come, is refused with a sentence', async t => {
  const first = (changes: object) => `${JSON.stringify({ ...header, ...changes })}\n`
  for (const text of [
    '',
    'PK\u0003\u0004',
    '{}\n',
    '[1]\n',
    '"backup"\n',
    'null\n',
    first({ altgate: 'other' }),
  ])
    await t.rejects(read(text), { message: /^This is not a backup of Altgate/ }, text)
  await t.rejects(read(first({ format: 2, version: '9.1.0' })), {
    message: /newer version of Altgate, 9\.1\.0:/,
  })
  await t.rejects(read(first({ format: 2, version: '\u001b[31m' })), {
    message: /newer version of Altgate: /,
  })
  for (const field of ['version', 'takenAt', 'store', 'changes', 'token', 'migrations'])
    await t.rejects(read(first({ [field]: {} })), { message: /damaged at line 1/ }, field)
  await t.rejects(read('x'.repeat(17 * 1024 * 1024), 1024 * 1024), { message: /a line is too long/ })
})

t.test('a header that would end badly later is refused', async t => {
  const first = (changes: object) => `${JSON.stringify({ ...header, ...changes })}\n`
  for (const changes of [
    { changes: Number.MAX_SAFE_INTEGER }, // the next change would have no exact number
    { changes: -1 },
    { changes: 1.5 },
    { version: '\u001b[31m' }, // it is printed
    { store: '\u001b]0;x\u0007' },
    { token: 'x'.repeat(65) },
  ])
    await t.rejects(read(first(changes)), { message: /damaged at line 1/ }, JSON.stringify(changes))
})

t.test('a number that no store could give back is no cell', async t => {
  const start = `${JSON.stringify(header)}\n{"table":"changes","columns":["revision"]}\n`
  for (const cell of ['9007199254740992', '-9007199254740992', '1e300', '1e400'])
    await t.rejects(read(`${start}[${cell}]\n`), { message: /line 3: this is not a row/ }, cell)
})

t.test('long rows do not wait for each other in memory', async t => {
  let given = 0
  const row = Buffer.from(`${JSON.stringify(['x'.repeat(1024 * 1024)])}\n`)
  async function* hostile() {
    yield Buffer.from(`${JSON.stringify(header)}\n{"table":"accounts","columns":["name"]}\n`)
    for (; given < 400; given += 1) yield row
  }
  for await (const part of readLines(hostile())) if ('rows' in part) break
  t.ok(given < 3, `rows were given out after ${given}`)
})

t.test('there are only so many tables', async t => {
  const table = (_: unknown, at: number) => `{"table":"t${at}","columns":["x"]}\n`
  const text = `${JSON.stringify(header)}\n${Array.from({ length: 1001 }, table).join('')}`
  await t.rejects(read(text, 4096), { message: /line 1002: it has too many tables/ })
})
