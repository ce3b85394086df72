import { join } from 'node:path'
import { build } from 'hdr-histogram-js'
import { foldUsername, msaScope } from '../../../src/gateway/names.ts'
import { Secret } from '../../../src/gateway/secret.ts'
import { openStore } from '../../../src/store/store.ts'
import { startAltgate } from '../../support/altgate.ts'
import { startPostgres } from '../../support/postgres.ts'
import type { Figure } from '../figure.ts'
import { accountNumber, fillStore } from '../fill-store.ts'
import { userNumber } from '../people.ts'
import { inRounds } from '../rounds.ts'
import { spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'

/** What a big store costs, at the start and when somebody comes who is not remembered. */
export const store: Figure = {
  name: 'store',
  title: 'A store with 1 million credentials and 100,000 accounts',
  programs: ['initdb'],
  async run(stage) {
    const size = stage.quick ? { users: 2000, accounts: 200 } : { users: 1_000_000, accounts: 100_000 }
    const stores = [
      { name: 'SQLite', url: `sqlite:${join(stage.folder(), 'altgate.db')}` },
      { name: 'PostgreSQL', url: (await startPostgres(stage)).url },
    ]
    for (const { name, url } of stores) {
      const progress = (text: string) => stage.say(`filling ${name}: ${text}`)
      await fillStore(url, { upstream: 'http://127.0.0.1:9', ...size, progress })
    }
    const measured = await inRounds(stage, stage.quick ? 1 : 5, stores, async ({ url }) => ({
      start: await secondsToStart(stage, url),
      lookUp: await lookUpP99(url, { ...size, times: stage.quick ? 500 : 20_000 }),
    }))
    const found = stores.map(each => {
      const rounds = measured.get(each) ?? []
      return {
        name: each.name,
        start: spreadOf(rounds.map(({ start }) => start)),
        lookUp: spreadOf(rounds.map(({ lookUp }) => lookUp)),
      }
    })
    return {
      rows: found.flatMap(({ name, start, lookUp }) => [
        { what: `${name}: start until ready`, unit: 's', value: start },
        { what: `${name}: p99 of a cold look-up`, unit: 'ms', value: lookUp },
      ]),
      goals: found.flatMap(({ name, start, lookUp }) => [
        {
          what: `${name}: start until ready`,
          unit: 's',
          value: start.median,
          bound: 'at most' as const,
          limit: 2,
        },
        {
          what: `${name}: p99 of a cold look-up`,
          unit: 'ms',
          value: lookUp.median,
          bound: 'at most' as const,
          limit: 5,
        },
      ]),
      plot: {
        kind: 'bars',
        title: `A cold look-up among ${size.users.toLocaleString('en-US')} credentials: 99 of 100 take no longer than`,
        subtitle: 'account and credential, read from the store; the password hash comes on top',
        unit: 'ms',
        bars: found.map(({ name, lookUp }) => ({ label: `Altgate on ${name}`, value: lookUp })),
        goal: { label: 'goal: at most 5 ms', value: 5 },
      },
    }
  },
}

/** Seconds from the command line until `/ready` says so. */
async function secondsToStart(stage: Stage, url: string): Promise<number> {
  const began = performance.now()
  const altgate = await startAltgate(stage, { settings: { workers: 'auto', store: { url }, hashing: {} } })
  const seconds = (performance.now() - began) / 1000
  await altgate.stop()
  return seconds
}

/** Milliseconds: what a request reads whose user is not remembered, one after the other, at random. */
async function lookUpP99(
  url: string,
  { users, accounts, times }: { readonly users: number; readonly accounts: number; readonly times: number },
): Promise<number> {
  const opened = await openStore({ url: new Secret(url) })
  const took = build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 })
  const anyOf = (count: number) => Math.floor(Math.random() * count)
  try {
    for (let time = 0; time < times; time += 1) {
      const began = performance.now()
      const { account } = await opened.accounts.find(accountNumber(anyOf(accounts)))
      const username = foldUsername(userNumber(anyOf(users)))
      const { current } = await opened.credentials.find(msaScope, undefined, username)
      took.recordValue(Math.max(1, Math.round((performance.now() - began) * 1000)))
      if (account === undefined || current === undefined) throw new Error('something is missing in the store')
    }
  } finally {
    await opened.close()
  }
  return took.getValueAtPercentile(99) / 1000
}
