import type { FastifyRequest } from 'fastify'
import { InDoubt, Outage } from '../gateway/outage.ts'
import type { Page } from './page.ts'
import {
  inDoubt,
  notUnderstood,
  outOfOrder,
  providerTrouble,
  tooLarge,
  tooMuch,
  wrongType,
} from './pages/trouble.ts'
import type { SelfServiceObserver } from './parts.ts'
import { ProviderFailed } from './provider-failed.ts'
import { TooMuch } from './throttle.ts'

/** Seconds after which it makes sense to come again when a part is down. */
const outageRetryAfter = 5

/** What people see of an error; the observer is told of what is not their fault. */
export function pageAbout(error: unknown, { id }: FastifyRequest, observer: SelfServiceObserver): Page {
  if (error instanceof TooMuch) return tooMuch(error.retryAfter)
  if (error instanceof ProviderFailed) {
    observer.providerFailed(error, id)
    return providerTrouble(error.failing)
  }
  if (error instanceof Outage) {
    observer.outage(error)
    if (error instanceof InDoubt) return inDoubt(error.made)
    return outOfOrder(outageRetryAfter)
  }
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status === 413) return tooLarge
  if (status === 415) return wrongType
  if (typeof status === 'number' && status >= 400 && status < 500) return notUnderstood
  observer.bug(error, id)
  return outOfOrder(outageRetryAfter)
}
