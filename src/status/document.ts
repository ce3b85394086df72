import type { Decision } from '../gateway/decision.ts'
import type { Instant } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import { type Move, type Overview, type SeenGateway, silentAfterMs } from '../gateway/overview.ts'
import type { Refusal, Refusals } from '../gateway/ports.ts'
import type { CertificateEnd } from './certificates.ts'

/** RFC 3339 in UTC. */
export type Time = string

/** In place of what cannot be had: why, as the end of a sentence. */
export interface Unknown {
  readonly unknown: string
}

/** What a gateway says of itself on its operations port. It has no names: that port asks for no password. */
export interface StatusDocument {
  readonly at: Time
  readonly gateway: GatewayStatus
  /** Of this gateway, over the last seconds. */
  readonly last10s: Load
  readonly last60s: Load
  readonly hashing: { readonly lanes: number; readonly queue: number; readonly queueLimit: number }
  readonly parts: readonly PartStatus[]
  readonly gateways: readonly FleetMember[] | Unknown
  readonly moves: readonly MoveStatus[] | Unknown
  readonly refusals: readonly RefusalStatus[] | Unknown
  readonly certificates: readonly CertificateEnd[]
  readonly charts: Charts
}

export interface GatewayStatus {
  /** Of this run. */
  readonly id: string
  readonly host: string
  readonly version: string
  readonly node: string
  readonly pid: number
  readonly startedAt: Time
  /** The fingerprint of its settings. */
  readonly settings: string
  readonly state: 'starting' | 'ready' | 'not-ready' | 'stopping'
  readonly workers: { readonly listening: number; readonly of: number }
}

/** Rates, over so many seconds. */
export interface Load {
  readonly seconds: number
  /** Decisions a second by outcome. */
  readonly perSecond: Readonly<Partial<Record<Decision['outcome'], number>>>
  readonly decisionsPerSecond: number
  readonly loadTestPerSecond: number
  readonly hashesPerSecond: number
  /** Of the requests that needed a verdict, the share for which it was remembered, 0 to 1. */
  readonly cacheHits: number | Unknown
}

export interface PartStatus {
  readonly part: string
  readonly state: 'up' | 'down' | 'unknown'
  /** Since when it is up or down. */
  readonly since?: Time
  /** Of a part that only requests use. */
  readonly lastAnswer?: Time
  /** What is wrong, or why it is not known. */
  readonly because?: string
}

export interface FleetMember {
  readonly id: string
  readonly host: string
  readonly version: string
  readonly startedAt: Time
  readonly settings: string
  readonly ready: boolean
  readonly workers: { readonly listening: number; readonly of: number }
  readonly decisionsPerSecond: number
  readonly seenAt: Time
  /** It has said nothing for half a minute, and has not said that it ends. */
  readonly silent: boolean
  /** It is the gateway that answers. */
  readonly self: boolean
}

/** An account has moved. With names only in the command. */
export interface MoveStatus {
  readonly at: Time
  readonly to: 'microsoft-accounts' | 'directory'
  readonly undo: boolean
  readonly account?: string
  readonly directory?: string
  readonly actor?: string
}

/** As its client has seen it; the rest only in the command. */
export interface RefusalStatus {
  readonly at: Time
  readonly reference: string
  readonly outcome: Refusal['outcome']
  readonly cause?: string
  readonly account?: string
  readonly user?: string
}

/** Ten minutes, oldest first. */
export interface Charts {
  readonly stepSeconds: number
  readonly steps: readonly {
    readonly allowedPerSecond: number
    /** Challenged and refused. */
    readonly refusedPerSecond: number
    /** Neither: a part is down, or the queue is full. */
    readonly failedPerSecond: number
    readonly cacheHits: number | Unknown
    readonly hashQueue: number
  }[]
}

/** What the store knows of all gateways. */
export type StoreView = Pick<StatusDocument, 'gateways' | 'moves' | 'refusals'>

/** How many moves and refusals are looked up. */
const most = { moves: 5, refusals: 10 }

/** Milliseconds that the store has for an answer: a screen that waits for it shows nothing. */
const patienceMs = 2000

/** Asks the store; with all names. Never throws an `Outage`, and never hangs. */
export async function viewOfStore(
  { overview, refusals }: { readonly overview: Overview; readonly refusals: Pick<Refusals, 'list'> },
  { self, now }: { readonly self?: string | undefined; readonly now: () => Instant },
): Promise<StoreView> {
  const [gateways, moves, refused] = await Promise.all([
    answerOf(overview.gateways()),
    answerOf(overview.lastMoves(most.moves)),
    answerOf(refusals.list({ most: most.refusals })),
  ])
  return {
    gateways: 'unknown' in gateways ? gateways : gateways.map(each => memberOf(each, self, now())),
    moves: 'unknown' in moves ? moves : moves.map(moveStatus),
    refusals: 'unknown' in refused ? refused : refused.toReversed().map(refusalStatus),
  }
}

async function answerOf<T>(asked: Promise<readonly T[]>): Promise<readonly T[] | Unknown> {
  const { promise: silence, resolve } = Promise.withResolvers<Unknown>()
  const timer = setTimeout(resolve, patienceMs, { unknown: 'the store gives no answer' })
  try {
    return await Promise.race([asked, silence])
  } catch (error) {
    if (!(error instanceof Outage)) throw error
    return { unknown: 'the store is unavailable' }
  } finally {
    clearTimeout(timer)
  }
}

function memberOf(
  { id, seenMsAgo, startedAt, ...rest }: SeenGateway,
  self: string | undefined,
  now: Instant,
): FleetMember {
  return {
    id,
    ...rest,
    startedAt: timeOf(startedAt),
    seenAt: timeOf(now - seenMsAgo),
    silent: seenMsAgo > silentAfterMs,
    self: id === self,
  }
}

function moveStatus({ account, at, actor, to, undo }: Move): MoveStatus {
  const directory = to.kind === 'entra' ? to.directoryName : undefined
  return {
    at: timeOf(at),
    to: directory === undefined ? 'microsoft-accounts' : 'directory',
    undo,
    account,
    ...(directory !== undefined && { directory }),
    actor,
  }
}

function refusalStatus({ at, reference, outcome, cause, account, user }: Refusal): RefusalStatus {
  return {
    at: timeOf(at),
    reference,
    outcome,
    ...(cause !== undefined && { cause }),
    ...(account !== undefined && { account }),
    ...(user !== undefined && { user }),
  }
}

/**
 * What every reader of the operations port may see. A cause is left out as well: it says whether a user name exists to
 * those who have the reference, and they may have been guessing.
 */
export function withoutNames({ gateways, moves, refusals }: StoreView): StoreView {
  return {
    gateways,
    moves: 'unknown' in moves ? moves : moves.map(({ at, to, undo }) => ({ at, to, undo })),
    refusals:
      'unknown' in refusals
        ? refusals
        : refusals.map(({ at, reference, outcome }) => ({ at, reference, outcome })),
  }
}

export function timeOf(instant: Instant): Time {
  return new Date(instant).toISOString()
}
