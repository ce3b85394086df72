import type { Instant } from '../gateway/names.ts'
import { createContests, type Contests } from './contests.ts'
import { createCookies, type Cookies } from './cookies.ts'
import { createErrands, type Errands } from './errands.ts'
import type { OpenId } from './openid.ts'
import type { SelfServiceParts } from './parts.ts'
import { createReception, type Reception } from './reception.ts'
import { createSessions, type Sessions } from './session.ts'
import { createThrottle, usualLimits, type Throttle } from './throttle.ts'
import { createTurns, type Turns } from '../common/calls.ts'

/** What the routes of the page work with. */
export interface Desk extends Omit<SelfServiceParts, 'sessions'> {
  readonly now: () => Instant
  readonly secure: boolean
  readonly cookies: Cookies
  readonly sessions: Sessions
  readonly errands: Errands
  /** Loaded when the first person signs in: in most processes nobody ever does. */
  readonly openId: () => Promise<OpenId>
  readonly contests: Contests
  readonly reception: Reception
  readonly throttle: Throttle
  readonly turns: Turns
}

export function createDesk(parts: SelfServiceParts): Desk {
  const { publicUrl, signIn, now = Date.now, steadyNow = now } = parts
  const { limits = usualLimits, providerTimeoutSeconds = 5 } = parts
  const contests = createContests({ ...parts, now })
  const secure = publicUrl.startsWith('https:')
  return {
    ...parts,
    now,
    secure,
    cookies: createCookies(secure),
    sessions: createSessions({ store: parts.sessions, life: signIn.sessionMinutes * 60_000, now }),
    errands: createErrands({ store: parts.sessions, key: parts.signInKey, now }),
    openId: once(async () => {
      const { createOpenId } = await import('./openid.ts')
      return createOpenId({
        redirectUri: `${publicUrl}/_altgate/callback`,
        timeoutSeconds: providerTimeoutSeconds,
        maxAgeSeconds: signIn.freshMinutes * 60,
      })
    }),
    contests,
    reception: createReception({ ...parts, contests }, now),
    throttle: createThrottle(limits, steadyNow),
    turns: createTurns(),
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
