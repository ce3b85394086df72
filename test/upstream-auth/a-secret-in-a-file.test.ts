import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { presenting } from './methods.ts'

/** A gateway that presents the token in a file. */
async function withToken(t: Test, file: string) {
  const { clock, seen, warnings, server } = await presenting(t, {
    method: 'swapped-credential',
    scheme: 'bearer',
    user: '',
    credential: { file },
  })
  return {
    clock,
    warnings,
    server,
    /** What the upstream is shown after so many looks at the file, a second apart. */
    shown: async (looks = 1): Promise<string> => {
      let token = ''
      for (let look = 0; look < looks; look++) {
        clock.now += 1000
        token = (await seen()).values('authorization').join()
      }
      return token
    },
  }
}

t.test('a token that is written anew is presented without a restart', async t => {
  const file = join(temporaryDirectory(t), 'token')
  writeFileSync(file, 'first\n')
  const { shown, warnings } = await withToken(t, file)
  t.equal(await shown(), 'Bearer first')
  writeFileSync(file, 'second\r\n')
  t.equal(await shown(2), 'Bearer second')
  t.strictSame(warnings, [])
})

t.test('a byte order mark, newlines and blanks around it are no part of it', async t => {
  const file = join(temporaryDirectory(t), 'token')
  writeFileSync(file, '\uFEFFzero\r\n')
  const { shown, warnings } = await withToken(t, file)
  t.equal(await shown(), 'Bearer zero')
  for (const [at, dressed] of ['one\r\n\r\n', ' two', 'three \t\n', '\uFEFFfour'].entries()) {
    writeFileSync(file, dressed)
    t.equal(await shown(2), `Bearer ${['one', 'two', 'three', 'four'][at]}`)
  }
  t.strictSame(warnings, [])
})

t.test('a token that was written long ago is presented with the first request that comes', async t => {
  const file = join(temporaryDirectory(t), 'token')
  writeFileSync(file, 'first')
  const { shown, clock } = await withToken(t, file)
  t.equal(await shown(), 'Bearer first')
  writeFileSync(file, 'second')
  clock.now += 3_600_000
  t.equal(await shown(), 'Bearer second')
})

t.test('a file that is still being written is left alone until it lies still', async t => {
  const file = join(temporaryDirectory(t), 'token')
  writeFileSync(file, 'first')
  const { shown, clock } = await withToken(t, file)
  clock.now -= 60_000 // whatever is written now is new, even after some looks
  await shown()
  for (const part of ['sec', 'secon']) {
    writeFileSync(file, part)
    t.equal(await shown(), 'Bearer first')
  }
  writeFileSync(file, 'second')
  t.equal(await shown(2), 'Bearer second')
})

t.test('links that are swapped, as Kubernetes does, are followed', async t => {
  const folder = temporaryDirectory(t)
  const release = (name: string, token: string) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'token'), token)
    symlinkSync(name, join(folder, '..new'))
    renameSync(join(folder, '..new'), join(folder, '..data'))
  }
  release('..1', 'first')
  symlinkSync('..data/token', join(folder, 'token'))
  const { shown } = await withToken(t, join(folder, 'token'))
  t.equal(await shown(), 'Bearer first')
  release('..2', 'other') // as long as the first, so that nothing but the file itself tells them apart
  t.equal(await shown(2), 'Bearer other')
})

for (const [what, spoil] of [
  ['empty', (file: string) => writeFileSync(file, '')],
  ['only a newline', (file: string) => writeFileSync(file, '\n')],
  ['of two lines', (file: string) => writeFileSync(file, 'canary-new\nX-Injected: yes')],
  ['no text', (file: string) => writeFileSync(file, Buffer.from([0, 255, 13]))],
  ['gone', (file: string) => rmSync(file)],
] as const)
  t.test(`while the file is ${what}, the old token stays, and one warning is given`, async t => {
    const file = join(temporaryDirectory(t), 'token')
    writeFileSync(file, 'first')
    const { shown, warnings } = await withToken(t, file)
    await shown()
    spoil(file)
    t.equal(await shown(4), 'Bearer first')
    t.strictSame(warnings, [`the secret in ${file} cannot be used; the previous one stays in force`])
    writeFileSync(file, 'second')
    t.equal(await shown(2), 'Bearer second')
  })

t.test('a file that is gone for the moment in which it is replaced is no reason for a warning', async t => {
  const file = join(temporaryDirectory(t), 'token')
  writeFileSync(file, 'first')
  const { shown, warnings } = await withToken(t, file)
  await shown()
  rmSync(file)
  t.equal(await shown(), 'Bearer first')
  writeFileSync(file, 'second')
  t.equal(await shown(2), 'Bearer second')
  t.strictSame(warnings, [])
})

t.test('where no token has ever been read, requests are answered 503, never 401', async t => {
  const { shown, server } = await withToken(t, join(temporaryDirectory(t), 'token'))
  await t.rejects(
    shown(),
    /503 Service Unavailable[^]*X-Altgate-Outcome: unavailable[^]*sign in to the service/i,
  )
  t.equal(server.outages.at(-1)?.part, 'upstream')
})

t.test('the file is looked at once a second, however many requests come', async t => {
  const file = join(temporaryDirectory(t), 'token')
  writeFileSync(file, 'first')
  const { seen, clock } = await presenting(t, {
    method: 'swapped-credential',
    scheme: 'bearer',
    user: '',
    credential: { file },
  })
  await seen()
  rmSync(file)
  writeFileSync(file, 'second')
  clock.now += 999
  for (let request = 0; request < 3; request++)
    t.strictSame((await seen()).values('authorization'), ['Bearer first'])
})
