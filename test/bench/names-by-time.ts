import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Altgate, startAltgate } from '../support/altgate.ts'
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
try {
  const first = await aGateway()
  await importPeople(first, pairs, Object.keys(importedKinds) as ImportedKind[])
  await warmUp(first)
  for (const atOnce of [1, 32])
    tell('imported hashes and unknown names', atOnce, await timeGuesses(addressOf(first), pairs, atOnce))
  await first.stop()

  // A gateway of its own: its decoys are all of one kind, as its hashes are.
  const second = await aGateway()
  const strangers = await importSets(second, pairs)
  await warmUp(second)
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
          await timeGuesses(addressOf(second), pairs, atOnce, { known, unknown, password }),
        )
    }
} finally {
  for (const end of endings) await end()
}

async function aGateway(): Promise<Altgate> {
  const gateway = await startAltgate({ teardown: end => void endings.unshift(end) }, { settings: everyGuess })
  await gateway.must(['account', 'add', 'fabrikam', '--upstream', 'http://127.0.0.1:1'])
  return gateway
}

function addressOf({ url }: Altgate): string {
  return `${url}/fabrikam/x`
}

/** Code is compiled then, lanes are warm, and the shares of the kinds have been read again since the import. */
async function warmUp(gateway: Altgate): Promise<void> {
  await timeGuesses(addressOf(gateway), 5, 5)
  await delay(1500)
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
