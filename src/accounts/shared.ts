import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { derive, type Keys } from '../gateway/key-ring.ts'
import { readScope, type AccountName, type Instant } from '../gateway/names.ts'
import type { Outage } from '../gateway/outage.ts'
import { guardRedis } from '../redis/breaker.ts'
import type { RedisServer } from '../redis/server.ts'
import type { Claim, Dated } from './answer.ts'
import type { UnknownNameBudget } from './memory.ts'

/**
 * The answers shared by all processes. A lost one only costs a question, so this never throws, and no request waits for
 * an unhealthy Redis.
 */
export interface SharedAnswers {
  /** `undefined`: Redis is unhealthy, or has no answer. */
  recall(name: AccountName): Promise<Dated | undefined>
  /** In the background; kept for `seconds`. */
  remember(name: AccountName, dated: Dated, seconds: number): void
  /** One budget for all processes. While Redis is unhealthy each has its own. */
  readonly unknownNames: UnknownNameBudget
  close(): void
}

export interface SharedAnswersOptions {
  readonly server: RedisServer
  /** Secret, and never in Redis: write access to Redis must not suffice to change an account's connection. */
  readonly key: Keys
  readonly strangersPerMinute: number
  /** The clock of `Dated.at`. */
  readonly now: () => Instant
  /** Milliseconds by which the clock shared by all processes, used for times in Redis, is ahead of it. */
  readonly ahead?: () => number
  /** Called when Redis becomes unhealthy. */
  readonly outage: (outage: Outage) => void
}

/** Milliseconds to wait for Redis: a question to the source takes longer. */
const patience = 50

export function createSharedAnswers(options: SharedAnswersOptions): SharedAnswers {
  const { server, strangersPerMinute, now, ahead = () => 0, outage } = options
  const secrets = derive(options.key, ({ bytes }) => createSecretKey(bytes))
  const guarded = guardRedis({ server, name: 'accounts', patience, outage })

  return {
    async recall(name) {
      const key = answerKey(name)
      const text = await guarded.ask(key, redis => redis.get(key))
      const dated = typeof text === 'string' ? open(secrets.current(), name, text) : undefined
      // The clock of another machine may be ahead.
      return dated && { ...dated, at: Math.min(dated.at - ahead(), now()) }
    },
    remember(name, dated, seconds) {
      const key = answerKey(name)
      const text = close(secrets.current(), name, { ...dated, at: dated.at + ahead() })
      void guarded.ask(key, redis => redis.set(key, text, 'EX', seconds))
    },
    unknownNames: {
      async admit() {
        const key = unknownNamesKey(now() + ahead())
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
function unknownNamesKey(now: Instant): string {
  return `altgate:strangers:${Math.floor(now / 60_000)}`
}

const counting = `
local asked = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 120)
return asked
`

/** `<when> <claim> <tag>`: not secret, but it can only be written with the key. */
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
