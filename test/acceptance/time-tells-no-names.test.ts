// The long form, 500 pairs of names and every kind of hash, is test/bench/names-by-time.ts.
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import {
  areaUnderCurve,
  distance,
  everyGuess,
  importPeople,
  importSets,
  sets,
  timeGuesses,
} from '../support/guess-times.ts'

// Each test has a scope of its own: decoys are drawn from the hashes of a scope, at its first guess.
const altgate = await startAltgate(t, { settings: everyGuess })

/** Of names, known and unknown: their times are over the limit if eleven of twelve are on one side. */
const pairs = 12

/** An account on a directory of its own, without an upstream; gives its address. */
async function directoryAccount(name: string, id: string): Promise<string> {
  await altgate.must(['directory', 'add', id, '--name', name])
  await altgate.must(['account', 'add', name, '--upstream', 'http://127.0.0.1:1', '--directory', id])
  return `${altgate.url}/${name}/x`
}

t.test('response times do not distinguish names with imported hashes from unknown names', async t => {
  const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
  const url = await directoryAccount('slow', directory)
  // Without a decoy like them, unknown names would take a fifth of the time.
  await importPeople(altgate, pairs, ['bcrypt 11'], directory)
  await isUntold(t, url)
})

t.test('nor names with hashes that take less time than our own', async t => {
  const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f215'
  const url = await directoryAccount('fast', directory)
  // Without a decoy like them, unknown names would take many times as long.
  await importPeople(altgate, pairs, ['apr1'], directory)
  await isUntold(t, url)
})

async function isUntold(t: Test, url: string): Promise<void> {
  const times = await timeGuesses(url, pairs, 1)
  const [found, area] = [distance(times), areaUnderCurve(times)]
  t.ok(found < 1, `the distributions are ${found.toFixed(2)} of the limit apart`)
  t.ok(area > 0.1 && area < 0.9, `area under the curve: ${area.toFixed(2)}`)
}

t.test(
  'nor which kind of passwords a set has, to a guess and to the holder of a generated password',
  async t => {
    await altgate.arrange({ accounts: { fabrikam: 'http://127.0.0.1:1' } })
    const strangers = await importSets(altgate, pairs)
    for (const set of sets)
      for (const password of [randomUUID, () => strangers]) {
        const known = (n: number) => `${set}${n}`
        const unknown = (n: number) => `${set}-not${n}`
        const times = await timeGuesses(`${altgate.url}/fabrikam/x`, pairs, 1, { known, unknown, password })
        const found = distance(times)
        t.ok(found < 1, `${set}: the distributions are ${found.toFixed(2)} of the limit apart`)
      }
  },
)
