import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { build } from 'hdr-histogram-js'
import type { Account } from '../../../src/gateway/account.ts'
import { attemptOn, createAttemptKeys } from '../../../src/gateway/attempt.ts'
import { createGeneratedPasswords, type GeneratedPasswords } from '../../../src/gateway/generated-password.ts'
import { type AccountName, foldUsername } from '../../../src/gateway/names.ts'
import { Secret } from '../../../src/gateway/secret.ts'
import { createVerifier } from '../../../src/gateway/verifier.ts'
import { openStore } from '../../../src/store/store.ts'
import { createThrottle } from '../../../src/throttling/throttle.ts'
import { createLocalVerdicts } from '../../../src/verdicts/local.ts'
import { createVerdictCache } from '../../../src/verdicts/shared.ts'
import { usualThrottle } from '../../support/world.ts'
import type { Figure } from '../figure.ts'
import { fillStore } from '../fill-store.ts'
import { account, userNumber } from '../people.ts'
import { spreadOf } from '../spread.ts'

/** What it costs when ten thousand build agents come at once, each with a generated password of its own. */
export const generated: Figure = {
  name: 'generated',
  title: 'First uses of generated passwords, among 1 million',
  programs: [],
  async run(stage) {
    const users = stage.quick ? 2000 : 1_000_000
    const { rounds, times } = stage.quick ? { rounds: 1, times: 200 } : { rounds: 7, times: 20_000 }
    const url = `sqlite:${join(stage.folder(), 'altgate.db')}`
    const passwords: Secret[] = []
    const key = randomBytes(32)
    const makers = createGeneratedPasswords(key)
    await fillStore(url, {
      upstream: 'http://127.0.0.1:9',
      users,
      generate(number) {
        const { password, ...proof } = makers.make()
        if (number < rounds * times) passwords[number] = password
        return proof
      },
      progress: text => stage.say(`filling SQLite: ${text}`),
    })
    const door = await openDoor(url, makers, key)
    const perCore: number[] = []
    const lookUps: number[] = []
    try {
      for (let round = 0; round < rounds; round += 1) {
        const took = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 })
        const before = process.cpuUsage()
        for (let number = round * times; number < (round + 1) * times; number += 1) {
          const began = performance.now()
          await door.enter(userNumber(number), passwords[number] ?? new Secret(''))
          took.recordValue(Math.max(1, Math.round((performance.now() - began) * 1000)))
        }
        const { user, system } = process.cpuUsage(before)
        perCore.push(times / ((user + system) / 1e6))
        lookUps.push(took.getValueAtPercentile(99) / 1000)
      }
    } finally {
      await door.close()
    }
    const [pace, p99] = [spreadOf(perCore), spreadOf(lookUps)]
    return {
      rows: [
        { what: 'accepted per second of CPU', unit: 'a second', value: pace },
        { what: 'p99, look-up included', unit: 'ms', value: p99 },
      ],
      goals: [
        {
          what: 'accepted per second and core',
          unit: 'a second',
          value: pace.median,
          bound: 'at least',
          limit: 10_000,
        },
        { what: 'p99, look-up included', unit: 'ms', value: p99.median, bound: 'at most', limit: 5 },
        { what: 'password hashes meanwhile', unit: '', value: door.hashes(), bound: 'at most', limit: 0 },
      ],
      plot: {
        kind: 'bars',
        title: 'Generated passwords accepted at their first use, per second of one core',
        subtitle: 'decoded, looked up among 1 million in SQLite, proved, remembered; without HTTP',
        unit: 'a second',
        bars: [{ label: 'Altgate', value: pace }],
        goal: { label: 'goal: at least 10,000', value: 10_000 },
      },
    }
  },
}

/** The verification as a worker does it, on a store that is open. */
async function openDoor(url: string, generatedPasswords: GeneratedPasswords, key: Uint8Array) {
  const store = await openStore({ url: new Secret(url) })
  const keys = createAttemptKeys(key)
  const lifetimes = { matchTtlSeconds: 300, otherTtlSeconds: 30 }
  const local = createLocalVerdicts({
    ...lifetimes,
    goodEntries: 100_000,
    otherEntries: 20_000,
    now: Date.now,
  })
  let hashes = 0
  const verifier = createVerifier({
    credentials: store.credentials,
    verdicts: createVerdictCache({ local }),
    hasher: {
      hash: async () => 'busy',
      async compare() {
        hashes += 1
        return 'mismatch'
      },
      outdated: () => false,
      provesWhole: () => true,
    },
    decoys: { like: async () => 'decoy' },
    generated: generatedPasswords,
    throttle: createThrottle(usualThrottle, { key, now: Date.now }),
    upgradeFailed() {},
    provedInPart() {},
  })
  const fabrikam: Account = {
    name: account as AccountName,
    connection: { kind: 'msa' },
    upstream: 'http://127.0.0.1:9',
  }
  return {
    async enter(user: string, password: Secret) {
      const attempt = attemptOn(fabrikam, { username: foldUsername(user), password }, keys)
      const verdict = await verifier.verify(attempt, {
        account: fabrikam.name,
        from: '192.0.2.1',
        lane: 'production',
      })
      if (verdict.found !== 'match') throw new Error(`a right password was ${verdict.found}`)
    },
    hashes: () => hashes,
    close: () => store.close(),
  }
}
