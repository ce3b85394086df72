import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { readScope, type AccountName, type Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import { guardRedis } from '../redis/breaker.ts'
import type { RedisServer } from '../redis/server.ts'
import type { Claim, Dated } from './answer.ts'
import type { UnknownNameBudget } from './memory.ts'

/**
 * The answers that all processes share. Losing them costs a question each: it never throws, and nobody waits for a
 * Redis that is not well.
 */
export interface SharedAnswers {
  /** `undefined`: Redis is not well, or knows nothing. */
  recall(name: AccountName): Promise<Dated | undefined>
  /** In the background; kept for `seconds`. */
  remember(name: AccountName, dated: Dated, seconds: number): void
  /** One budget for all. While Redis is not well each process has its own. */
  readonly strangers: UnknownNameBudget
  close(): void
}

export interface SharedAnswersOptions {
  readonly server: RedisServer
  /** Whoever can write into Redis must not be able to say where an account belongs: Redis never sees it. */
  readonly key: Uint8Array
  readonly strangersPerMinute: number
  /** The clock of `Dated.at`. */
  readonly now: () => Instant
  /** Milliseconds by which the clock that all processes share, and that times in Redis are told by, is ahead of it. */
  readonly ahead?: () => number
  /** Told when Redis stops being well. */
  readonly outage: (outage: Outage) => void
}

/** Milliseconds that are waited for Redis: a question to the source takes longer. */
const patience = 50

export function createSharedAnswers(options: SharedAnswersOptions): SharedAnswers {
  const { server, strangersPerMinute, now, ahead = () => 0, outage } = options
  const secret = createSecretKey(options.key)
  const guarded = guardRedis({ server, name: 'accounts', patience, outage })

  return {
    async recall(name) {
      const key = answerKey(name)
      const text = await guarded.ask(key, redis => redis.get(key))
      const dated = typeof text === 'string' ? open(secret, name, text) : undefined
      // Another machine's clock may be ahead of ours.
      return dated && { ...dated, at: Math.min(dated.at - ahead(), now()) }
    },
    remember(name, dated, seconds) {
      const key = answerKey(name)
      const text = close(secret, name, { ...dated, at: dated.at + ahead() })
      void guarded.ask(key, redis => redis.set(key, text, 'EX', seconds))
    },
    strangers: {
      async admit() {
        const key = strangersKey(now() + ahead())
        const asked = await guarded.ask(key, redis => redis.eval(counting, 1, key))
        return typeof asked === 'number' ? asked <= strangersPerMinute : true
      },
    },
    close: () => guarded.close(),
  }
}

function answerKey(name: AccountName): string {
  return `altgate:account:${name}`
}

/** One counter for each minute. */
function strangersKey(now: Instant): string {
  return `altgate:strangers:${Math.floor(now / 60_000)}`
}

const counting = `
local asked = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 120)
return asked
`

/** `<when> <claim> <tag>`: it is no secret, but only who has the key can have written it. */
function close(secret: KeyObject, name: AccountName, { at, claim }: Dated): string {
  return `${at} ${claim} ${tag(secret, name, `${at} ${claim}`).toString('base64url')}`
}

function open(secret: KeyObject, name: AccountName, text: string): Dated | undefined {
  const [at = '', word = '', signed = ''] = text.split(' ')
  const expected = tag(secret, name, `${at} ${word}`)
  const given = Buffer.from(signed, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const claim: Claim | undefined = word === 'none' ? 'none' : readScope(word)
  return claim === undefined ? undefined : { at: Number(at), claim }
}

function tag(secret: KeyObject, name: AccountName, text: string): Buffer {
  return createHmac('sha256', secret).update(`altgate account 1 ${name} ${text}`).digest()
}
