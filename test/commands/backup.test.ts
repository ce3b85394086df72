import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { checkout } from '../support/program.ts'
import { run } from '../support/run.ts'
import { smallDisk } from '../support/small-disk.ts'
import { columnsAfter } from '../store/schemas/columns.ts'
import { insertsInto } from '../store/schemas/rows.ts'
import { aDesk, type Desk } from './desk.ts'

/** A desk with rows in every table, and a backup of it. */
async function aFullDesk(t: Test) {
  const desk = aDesk(t)
  await desk.must(['store', 'init'])
  const database = new DatabaseSync(join(desk.directory, 'altgate.db'), { timeout: 5000 })
  database.exec(insertsInto(await columnsAfter()).join(';\n'))
  database.close()
  const file = join(desk.directory, 'a.backup')
  return { desk, file, taken: await desk.json(['backup', file]) }
}

const { desk, file, taken } = await aFullDesk(t)

function others(directory: string): readonly string[] {
  return readdirSync(directory).filter(name => !name.startsWith('altgate.db'))
}

/** The same lines, but with another first one. */
function withHeader(changes: object): Buffer {
  const [first = '', ...rest] = gunzipSync(readFileSync(file)).toString().split('\n')
  return gzipSync([JSON.stringify({ ...JSON.parse(first), ...changes }), ...rest].join('\n'))
}

t.test('a backup is one file for its owner only, and says what it has', async t => {
  t.match(taken, { file, changes: 7, rows: { accounts: 2, credentials: 3, passwords: 2, keys: 3 } })
  t.strictSame(others(desk.directory), ['a.backup'], 'and nothing is left beside it')
  t.equal((statSync(file).mode & 0o777).toString(8), '600')
  const text = gunzipSync(readFileSync(file)).toString()
  t.notMatch(text, Buffer.alloc(32, 'verdicts').toString('base64'), 'without the key of verdicts')
  t.notMatch(text, 'what it keeps', 'and without sessions')
})

t.test('a file that exists is replaced only on demand', async t => {
  const before = readFileSync(file)
  t.match(await desk.run(['backup', file]), { code: 1, stderr: /exists\. To replace it, add --force/ })
  t.strictSame(readFileSync(file), before)
  const link = join(desk.directory, 'link')
  symlinkSync(file, link)
  await desk.must(['backup', link, '--force'])
  t.equal(readFileSync(link).compare(readFileSync(file)), 0, 'what a link leads to is replaced')
  t.match(await desk.run(['backup', '/dev/null', '--force']), { code: 1, stderr: /is not a file/ })
  t.match(await desk.run(['backup', join(desk.directory, 'no', 'x')]), {
    code: 1,
    stderr: /cannot be written/,
  })
})

t.test('a disk that is full leaves nothing behind', async t => {
  const { directory } = smallDisk(t)
  const big = await aBigDesk(t)
  t.match(await big.run(['backup', join(directory, 'b.backup')]), {
    code: 1,
    stderr: /b\.backup cannot be written \(ENOSPC\)/,
  })
  t.strictSame(readdirSync(directory), [])
})

/** A backup without its end, in plain text: more than fits into a pipe, so that its reader has begun. */
function endless(): string {
  const [head = ''] = gunzipSync(readFileSync(file)).toString().split('["a0a0')
  const row = (number: number) =>
    JSON.stringify([`r${number}`, 1, 'refused', null, null, '192.0.2.1', 'x'.repeat(100)])
  return `${head}${Array.from({ length: 4000 }, (_, number) => row(number)).join('\n')}\n`
}

t.test('Ctrl-C ends a restore that waits for its input, and nothing is changed', async t => {
  const before = await desk.everything()
  const program = join(checkout, 'src/altgate.js')
  const child = spawn(process.execPath, [program, 'restore', '-', '--replace', '--yes'], { env: desk.env })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text))
  await new Promise(written => child.stdin.write(endless(), written))
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  t.equal(code, 130)
  t.equal(told, 'Stopped. Nothing was changed.\n')
  t.strictSame(await desk.everything(), before)
})

t.test('Ctrl-C ends a backup whose reader is slow', async t => {
  const big = await aBigDesk(t)
  const child = spawn(process.execPath, [join(checkout, 'src/altgate.js'), 'backup', '-'], { env: big.env })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text))
  await once(child.stdout, 'readable')
  child.kill('SIGINT')
  const ended = once(child, 'close')
  child.stdout.resume()
  const [code] = await ended
  t.strictSame({ code, told }, { code: 130, told: 'Stopped. There is no backup.\n' })
})

/** A desk whose backup does not fit into a pipe. */
async function aBigDesk(t: Test): Promise<Desk> {
  const big = aDesk(t)
  await big.must(['store', 'init'])
  const database = new DatabaseSync(join(big.directory, 'altgate.db'), { timeout: 5000 })
  database.exec(`with recursive number(n) as (select 1 union all select n + 1 from number where n < 2000)
    insert into refusals select 'r' || n, n, 'refused', null, null, '192.0.2.1', hex(randomblob(500)) from number`)
  database.close()
  return big
}

t.test('a backup whose reader goes away is an error', async t => {
  const big = await aBigDesk(t)
  const line = `${process.execPath} src/altgate.js backup - | head -c 10 > /dev/null; exit \${PIPESTATUS[0]}`
  const { code, stderr } = await run('bash', ['-c', line], { cwd: checkout, env: big.env })
  t.match({ code, stderr }, { code: 1, stderr: /Standard output cannot be written \(EPIPE\)/ })
})

t.test('--verify and --dry-run check a backup and change nothing', async t => {
  const before = await desk.everything()
  t.match(
    await desk.must(['backup', '--verify', file]),
    /is complete and undamaged: 2 accounts, 3 credentials/,
  )
  t.match(await desk.json(['restore', file, '--dry-run']), {
    restored: false,
    rows: { accounts: 2 },
    replaced: { accounts: 2, credentials: 3 },
  })
  t.match((await desk.run(['restore', file, '--dry-run'])).stderr, /0 later changes would be undone/)
  const other = aDesk(t, {}, { isMade: false })
  t.match(await other.run(['restore', file, '--dry-run']), { code: 0, stderr: /There is no store yet/ })
  t.strictSame(others(other.directory), [])
  t.notOk(readdirSync(other.directory).length, 'no store was made')
  t.strictSame(await desk.everything(), before)
})

t.test('what is damaged, cut, of a newer version or not there is refused with a sentence', async t => {
  const bytes = readFileSync(file)
  const flipped = Buffer.from(bytes)
  flipped[bytes.length - 200] = (flipped[bytes.length - 200] ?? 0) ^ 255
  const cases: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
    cut: [bytes.subarray(0, bytes.length - 20), /^altgate: The backup is incomplete: .*\n$/],
    flipped: [flipped, /^altgate: The backup is damaged: it cannot be decompressed\..*\n$/],
    changed: [
      gzipSync(gunzipSync(bytes).toString().replace('contoso', 'conteso')),
      /^altgate: The backup is damaged/,
    ],
    empty: [Buffer.alloc(0), /^altgate: This is not a backup of Altgate/],
    'a store': [
      readFileSync(join(desk.directory, 'altgate.db')),
      /^altgate: This is not a backup of Altgate/,
    ],
    newer: [
      withHeader({ version: '9.0.0', migrations: ['9999-to-come'] }),
      /newer version of Altgate, 9\.0\.0/,
    ],
  }
  const before = await desk.everything()
  const path = join(desk.directory, 'b.backup')
  for (const [name, [content, sentence]] of Object.entries(cases)) {
    writeFileSync(path, content)
    if (name === 'changed' || name === 'newer')
      t.match(await desk.run(['backup', '--verify', path]), { code: 1, stderr: sentence }, name)
    const restored = await desk.run(['restore', path, '--replace', '--yes'])
    t.match(restored, { code: 1, stdout: '', stderr: sentence }, name)
    t.match(restored.stderr, /Nothing was changed\.\n$/, name)
  }
  t.match(await desk.run(['restore', `${file}.no`]), { code: 1, stderr: /there is no such file/ })
  t.strictSame(await desk.everything(), before)
})

t.test('a restore makes the store if there is none, and replaces one only after a question', async t => {
  const other = aDesk(t, {}, { isMade: false })
  const restored = await other.json(['restore', file])
  t.match(restored, { restored: true, replaced: { accounts: 0, credentials: 0 } })
  t.strictSame(await other.everything(), await desk.everything())
  t.match(await other.run(['restore', file]), { code: 1, stderr: /is not empty: it has 2 accounts/ })
  t.match(await other.run(['restore', file, '--replace']), { code: 2, stderr: /add --yes/ })
  await other.must(['account', 'remove', 'contoso', '--yes'])
  const text = gunzipSync(readFileSync(file)).toString()
  t.match(await other.must(['restore', '-', '--replace', '--yes'], text), /The store is restored/)
  t.strictSame(await other.everything(), await desk.everything(), 'also from text on standard input')
  t.match(await other.must(['history']), /store-restored/)
})

t.test('help says what a backup holds', async t => {
  t.match(await desk.must(['backup', '--help']), /hashes of all passwords, the keys/)
  t.match(await desk.must(['restore', '--help']), /replaced or revoked/)
})

t.test('what other tools have restored is told to gateways, and to programs', async t => {
  const restored = aDesk(t)
  t.strictSame(await restored.json(['store', 'init']), { result: 'ready' })
  t.strictSame(await restored.json(['store', 'restored']), { result: 'told', copy: false })
  t.strictSame(await restored.json(['store', 'restored', '--copy']), { result: 'told', copy: true })
})
