import manifest from '../package.json' with { type: 'json' }
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Outage, type Part } from './gateway/outage.ts'
import { announcedEveryMs, type Presence } from './gateway/overview.ts'
import type { Progress } from './serve.ts'
import { fingerprint } from './settings/load.ts'
import type { Settings } from './settings/schema.ts'
import { certificateEnds } from './status/certificates.ts'
import {
  type GatewayStatus,
  type PartStatus,
  type StatusDocument,
  type StoreView,
  timeOf,
  viewOfStore,
  withoutNames,
} from './status/document.ts'
import { chartsOf, loadOf } from './status/load.ts'
import type { Store } from './store/store.ts'
import { createObservations, type Observations } from './telemetry/observed.ts'
import type { UsedPart } from './telemetry/metrics.ts'
import { Rates } from './telemetry/rates.ts'

/** What the primary process knows of its gateway, for operators. */
export interface Standing {
  readonly rates: Rates
  readonly observations: Observations
  /** What `/status.json` and the page show. Never throws, and never hangs. */
  document(): Promise<StatusDocument>
  /** Tells other gateways of this one, until it is stopped. */
  announceIn(store: Pick<Store, 'overview' | 'refusals'>): { stop(): Promise<void> }
}

interface StandingParts {
  readonly progress: Progress
  readonly settings: () => Settings
  /** As many as there are to be. */
  readonly size: { readonly workers: number; readonly lanes: number }
  readonly stop: AbortSignal
}

/** Seconds in one step of the charts. */
const stepSeconds = 10

/** Milliseconds for which an answer of the store, or the content of files, is shown again: many may look at once. */
const keptMs = 1000

/** Milliseconds between two looks at whether there is news to announce. */
const lookEveryMs = 1000

/** Milliseconds that the farewell may take: a gateway that stops must not wait for its store. */
const farewellMs = 1000

export function createStanding({ progress, settings, size, stop }: StandingParts): Standing {
  const id = randomUUID()
  const startedAt = Date.now()
  const rates = new Rates(() => performance.now())
  const observations = createObservations(rates, () => progress.outages?.() ?? [])
  progress.answered = part => observations.answered(part)
  let store: Pick<Store, 'overview' | 'refusals'> | undefined
  let viewed: { readonly at: number; readonly view: Promise<StoreView> } | undefined

  function view(): Promise<StoreView> {
    if (store === undefined) {
      const nothing = { unknown: 'the gateway has not opened the store yet' }
      return Promise.resolve({ gateways: nothing, moves: nothing, refusals: nothing })
    }
    if (viewed === undefined || performance.now() - viewed.at > keptMs)
      viewed = { at: performance.now(), view: viewOfStore(store, { self: id, now: Date.now }) }
    return viewed.view
  }

  function workers(): GatewayStatus['workers'] {
    return { listening: progress.fleet?.listening() ?? 0, of: size.workers }
  }

  function state(): GatewayStatus['state'] {
    if (stop.aborted) return 'stopping'
    const { listening, of } = workers()
    if (listening === of) return 'ready'
    return progress.fleet === undefined ? 'starting' : 'not-ready'
  }

  function presence(): Presence {
    return {
      id,
      host: hostname(),
      version: manifest.version,
      startedAt,
      settings: fingerprint(settings()),
      ready: state() === 'ready',
      workers: workers(),
      decisionsPerSecond: loadOf(rates.over(60)).decisionsPerSecond,
    }
  }

  return {
    rates,
    observations,
    async document() {
      const inForce = settings()
      return {
        at: timeOf(Date.now()),
        gateway: {
          id,
          host: hostname(),
          version: manifest.version,
          node: process.versions.node,
          pid: process.pid,
          startedAt: timeOf(startedAt),
          settings: fingerprint(inForce),
          state: state(),
          workers: workers(),
        },
        last10s: loadOf(rates.over(10)),
        last60s: loadOf(rates.over(60)),
        hashing: { lanes: size.lanes, queue: rates.queue, queueLimit: inForce.hashing.queueLimit },
        parts: partsOf(inForce, { progress, observations, startedAt }),
        ...withoutNames(await view()),
        certificates: certificateEnds(inForce),
        charts: chartsOf(rates.steps(stepSeconds), stepSeconds),
      }
    },
    announceIn(opened) {
      store = opened
      let announcing: Promise<void> | undefined
      let said = ''
      let saidAt = -Infinity
      // At intervals, and when it becomes ready, or no longer is.
      const announce = () => {
        const now = presence()
        const standing = JSON.stringify([now.ready, now.workers, now.settings])
        if (announcing !== undefined) return
        if (standing === said && performance.now() - saidAt < announcedEveryMs) return
        said = standing
        saidAt = performance.now()
        announcing = opened.overview
          .announce(now)
          .catch(ifOutage)
          .finally(() => (announcing = undefined))
      }
      announce()
      const timer = setInterval(announce, lookEveryMs)
      return {
        async stop() {
          clearInterval(timer)
          const leaving = (announcing ?? Promise.resolve()).then(() =>
            opened.overview.leave(id).catch(ifOutage),
          )
          const giveUp = new AbortController()
          const late = delay(farewellMs, undefined, { signal: giveUp.signal }).catch(() => {})
          await Promise.race([leaving, late])
          giveUp.abort()
        },
      }
    },
  }
}

/** The store is checked by others, which report it. */
function ifOutage(error: unknown): void {
  if (!(error instanceof Outage)) throw error
}

interface SeenParts {
  readonly progress: Progress
  readonly observations: Observations
  readonly startedAt: number
}

/** Parts that are asked at intervals, and then those that only requests use. */
function partsOf(settings: Settings, seen: SeenParts): readonly PartStatus[] {
  const { progress, observations } = seen
  const asked: readonly Part[] = settings.redis === undefined ? ['store'] : ['store', 'redis']
  const used: readonly Part[] = [
    ...(settings.accounts.source === 'store' ? [] : (['accounts'] as const)),
    ...(hasProviders(settings) ? (['provider'] as const) : []),
  ]
  const known = new Set<Part>([...asked, ...used, 'upstream'])
  const others = observations.failing().filter(part => !known.has(part))
  return [
    ...asked.map(part => askedPart(part, progress)),
    upstreams(seen),
    ...[...used, ...others].map(part => usedPart(part, seen)),
  ]
}

function hasProviders({ signIn: { msa, entra, directories } }: Settings): boolean {
  return msa !== undefined || entra !== undefined || Object.keys(directories).length > 0
}

function askedPart(part: Part, { parts, since }: Progress): PartStatus {
  const state = parts[part]
  if (state === undefined) return { part, state: 'unknown', because: 'it has not been asked yet' }
  const began = since[part]
  return {
    part,
    state: state === 'ok' ? 'up' : 'down',
    ...(began !== undefined && { since: timeOf(began) }),
    ...(state !== 'ok' && { because: 'it does not answer' }),
  }
}

function upstreams({ observations, startedAt }: SeenParts): PartStatus {
  const { silent } = observations
  const part = 'upstreams'
  if (silent.accounts === 0) {
    const lastAnswer = observations.lastAnswer('upstream')
    if (lastAnswer === undefined)
      return { part, state: 'unknown', because: 'no request has been forwarded yet' }
    const since = timeOf(silent.recoveredAt ?? startedAt)
    return { part, state: 'up', since, lastAnswer: timeOf(lastAnswer) }
  }
  const whose = silent.accounts === 1 ? 'that of 1 account does' : `those of ${silent.accounts} accounts do`
  return {
    part,
    state: 'down',
    ...(silent.since !== undefined && { since: timeOf(silent.since) }),
    because: `${whose} not answer: altgate recent --outcome upstream-failed`,
  }
}

/** Names that operators know from the settings. */
const names: Readonly<Record<string, string>> = {
  accounts: 'directory source',
  provider: 'identity providers',
  audit: 'audit log',
}

function usedPart(part: Part, { observations, startedAt }: SeenParts): PartStatus {
  const { failingSince, failures, recoveredAt } = observations.part(part)
  const called = names[part] ?? part
  if (failingSince !== undefined) {
    const because = `${failures} ${failures === 1 ? 'request has' : 'requests have'} failed`
    return { part: called, state: 'down', since: timeOf(failingSince), because }
  }
  const since = timeOf(recoveredAt ?? startedAt)
  const lastAnswer = isUsed(part) ? observations.lastAnswer(part) : undefined
  if (lastAnswer !== undefined) return { part: called, state: 'up', since, lastAnswer: timeOf(lastAnswer) }
  return { part: called, state: 'unknown', since, because: 'only requests show it; none has failed' }
}

function isUsed(part: Part): part is UsedPart {
  return part === 'accounts' || part === 'provider'
}
