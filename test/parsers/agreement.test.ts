import fc from 'fast-check'
import t from 'tap'
import { runs } from '../support/runs.ts'
import { readByAll, readByAltgate, staysWithin } from './agreement.ts'
import { startGitBackend, startParsers } from './parsers.ts'
import { pieces, targets } from './targets.ts'

const parsers = await startParsers(t)
const gitAccountOf = await startGitBackend(t, ['fabrikam', 'contoso'])

/** The address of an upstream, and what the account's paths begin with there. */
const upstreams = [
  { address: 'http://upstream.invalid', rootOf: (account: string) => `/${account}` },
  { address: 'http://upstream.invalid/tenants/fabrikam', rootOf: () => '/tenants/fabrikam' },
] as const

for (const { address, rootOf } of upstreams) {
  t.test(`no server reads a target as another account's once it was let through to ${address}`, async t => {
    for (const target of targets) {
      const reading = readByAltgate(target, address)
      if ('refused' in reading) continue
      for (const { name, read } of await readByAll(parsers, reading.path))
        t.ok(staysWithin(read, rootOf(reading.account)), `${name} reads ${target} as ${read}`)
    }
  })

  t.test(`nor one of 3,000 invented targets, to ${address}`, async t => {
    const target = fc
      .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 9 })
      .map(made => `/fabrikam/${made.join('')}`)
    let asked = 0
    const property = fc.asyncProperty(target, async made => {
      const reading = readByAltgate(made, address)
      if ('refused' in reading) return
      asked++
      for (const { name, read } of await readByAll(parsers, reading.path))
        if (!staysWithin(read, rootOf(reading.account))) throw new Error(`${name} reads ${made} as ${read}`)
    })
    await fc.assert(property, { numRuns: runs(3000) })
    t.ok(asked > 300, `${asked} were let through and put to ${parsers.length} servers`)
  })
}

t.test('git serves no other account than the one that was judged', async t => {
  t.equal(await gitAccountOf('/contoso/r.git/HEAD'), 'contoso', 'so a wrong one would be seen')
  for (const target of targets) {
    const reading = readByAltgate(target)
    if ('refused' in reading) continue
    const served = await gitAccountOf(reading.path.split('?', 1)[0] ?? '')
    t.ok(served === reading.account || typeof served === 'number', `git serves ${served} for ${target}`)
  }
})

t.test('what is plain is let through, so refusing all of it would not pass', async t => {
  t.strictSame(readByAltgate('/fabrikam/r.git/HEAD'), { account: 'fabrikam', path: '/fabrikam/r.git/HEAD' })
  for (const { name, read } of await readByAll(parsers, '/fabrikam/r.git/HEAD'))
    t.equal(read, '/fabrikam/r.git/HEAD', name)
})

t.test('servers disagree about some of these targets, so the comparison is worth something', async t => {
  const read = await readByAll(parsers, '/fabrikam/%2e%2e/contoso/r.git/HEAD')
  t.ok(
    read.some(each => each.read === '/contoso/r.git/HEAD'),
    JSON.stringify(read),
  )
})
