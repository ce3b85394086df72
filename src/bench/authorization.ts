import { randomBytes } from 'node:crypto'
import { unreachable } from '../gateway/decision.ts'
import type { Caller } from './plan.ts'

/**
 * The Authorization header of a caller's next request; `undefined`: none. What is guessed is another one each time: a
 * gateway that remembers wrong passwords would answer the second of the same kind for nothing.
 */
export function authorizationOf(caller: Caller): string | undefined {
  switch (caller.kind) {
    case 'good':
      return basic(caller.user, caller.password.reveal())
    case 'wrong':
      return basic(caller.user, guess())
    case 'unknown':
      return basic(`nobody-${guess()}@load-test.invalid`, guess()) // RFC 2606: nobody can have that address
    case 'anonymous':
      return undefined
    default:
      return unreachable(caller)
  }
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function guess(): string {
  return randomBytes(12).toString('hex')
}
