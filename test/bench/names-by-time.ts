import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { startAltgate } from '../support/altgate.ts'
import {
  areaUnderCurve,
  distance,
  everyGuess,
  type GuessTimes,
  importedKinds,
  importPeople,
  importSets,
  sets,
  timeGuesses,
  type ImportedKind,
} from '../support/guess-times.ts'

// Whether the time of a guess tells known names from unknown ones: `npm run names-by-time -- 500`. The number is that of
// the pairs; 500 take some minutes. Exit code 1 if the two distributions differ.

const pairs = Number(process.argv[2] ?? 500)
const endings: (() => unknown)[] = []
const altgate = await startAltgate({ teardown: end => void endings.unshift(end) }, { settings: everyGuess })
try {
  await altgate.must(['account', 'add', 'fabrikam', '--upstream', 'http://127.0.0.1:1'])
  await importPeople(altgate, pairs, Object.keys(importedKinds) as ImportedKind[])
  const url = `${altgate.url}/fabrikam/x`
  await timeGuesses(url, 5, 5) // code is compiled, lanes are warm
  await delay(1500) // and the shares of the kinds have been read again since the import
  for (const atOnce of [1, 32])
    tell('imported hashes and unknown names', atOnce, await timeGuesses(url, pairs, atOnce))

  const strangers = await importSets(altgate, pairs)
  await delay(1500)
  for (const [presented, password] of [
    ['a guess', randomUUID],
    ['a generated password of another user', () => strangers],
  ] as const)
    for (const set of sets) {
      const known = (n: number) => `${set}${n}`
      const unknown = (n: number) => `${set}-not${n}`
      for (const atOnce of [1, 32])
        tell(
          `${presented}: sets of the kind ${set} and unknown names`,
          atOnce,
          await timeGuesses(url, pairs, atOnce, { known, unknown, password }),
        )
    }
} finally {
  for (const end of endings) await end()
}

function tell(what: string, atOnce: number, times: GuessTimes): void {
  const apart = distance(times)
  const words = [
    `${what}: ${pairs} pairs, ${atOnce} at once:`,
    `median ${median(times.known)} ms for known names, ${median(times.unknown)} ms for unknown ones;`,
    `area under the curve ${areaUnderCurve(times).toFixed(3)},`,
    `largest distance ${apart.toFixed(2)} of the limit`,
  ]
  process.stdout.write(`${words.join(' ')}\n`)
  if (apart >= 1) process.exitCode = 1
}

function median(times: readonly number[]): string {
  return [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)]?.toFixed(1) ?? '-'
}
