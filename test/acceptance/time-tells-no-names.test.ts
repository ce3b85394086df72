// The long form, 500 pairs of names and every kind of hash, is test/bench/names-by-time.ts.
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { type Altgate, startAltgate } from '../support/altgate.ts'
import {
  areaUnderCurve,
  distance,
  everyGuess,
  importPeople,
  importSets,
  sets,
  timeGuesses,
} from '../support/guess-times.ts'

t.test('response times do not distinguish names with imported hashes from unknown names', async t => {
  const altgate = await startAltgate(t, { settings: everyGuess })
  await altgate.arrange({ accounts: { fabrikam: 'http://127.0.0.1:1' } })
  // Without a decoy like them, unknown names would take a fifth of the time.
  await importPeople(altgate, 16, ['bcrypt 11'])
  await isUntold(t, altgate)
})

t.test('nor names with hashes that take less time than our own', async t => {
  const altgate = await startAltgate(t, { settings: everyGuess })
  await altgate.arrange({ accounts: { fabrikam: 'http://127.0.0.1:1' } })
  // Without a decoy like them, unknown names would take many times as long.
  await importPeople(altgate, 16, ['apr1'])
  await isUntold(t, altgate)
})

async function isUntold(t: Test, altgate: Altgate): Promise<void> {
  const times = await timeGuesses(`${altgate.url}/fabrikam/x`, 16, 1)
  const [found, area] = [distance(times), areaUnderCurve(times)]
  t.ok(found < 1, `the distributions are ${found.toFixed(2)} of the limit apart`)
  t.ok(area > 0.1 && area < 0.9, `area under the curve: ${area.toFixed(2)}`)
}

t.test(
  'nor which kind of passwords a set has, to a guess and to the holder of a generated password',
  async t => {
    const altgate = await startAltgate(t, { settings: everyGuess })
    await altgate.arrange({ accounts: { fabrikam: 'http://127.0.0.1:1' } })
    const strangers = await importSets(altgate, 16)
    for (const set of sets)
      for (const password of [randomUUID, () => strangers]) {
        const known = (n: number) => `${set}${n}`
        const unknown = (n: number) => `${set}-not${n}`
        const times = await timeGuesses(`${altgate.url}/fabrikam/x`, 16, 1, { known, unknown, password })
        const found = distance(times)
        t.ok(found < 1, `${set}: the distributions are ${found.toFixed(2)} of the limit apart`)
      }
  },
)
