import type { UpstreamFailed } from '../gateway/decision.ts'
import { isToolPath, pathOf } from './tool-path.ts'
import { isWithin, pathOutside, type Destination } from './upstream-target.ts'

/** What is looked at before an upstream's answer goes to the client. */
export interface Head {
  readonly status: number
  readonly contentType: string | undefined
  readonly location: string | undefined
}

/** The request it answers. */
export interface Journey {
  /** Path and query as the client wrote them. */
  readonly target: string
  /** Scheme and host as the client sees them: `https://git.example.com`. */
  readonly address: string
  readonly destination: Destination
}

/**
 * What becomes of an upstream's answer: it travels as it is (`undefined`), with another `Location`, or not at all.
 * A 401 never travels: it would speak of the gateway's standing with the upstream, and git would erase the user's
 * password over it.
 */
export function screenAnswer(
  head: Head,
  journey: Journey,
): { location: string } | UpstreamFailed | undefined {
  const { status, location } = head
  if (status === 401 || status === 407) return failed('unauthorized')
  const redirects = status >= 300 && status < 400 && status !== 304
  if (!isToolPath(pathOf(journey.target))) {
    return redirects && location !== undefined ? redirectOutside(location, journey) : undefined
  }
  if (status === 203 || (status === 200 && isPage(head.contentType))) return failed('sign-in-page')
  return redirects ? redirectOfTool(location, journey) : undefined
}

function failed(because: UpstreamFailed['because']): UpstreamFailed {
  return { outcome: 'upstream-failed', because }
}

function isPage(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*(?:text\/html|application\/xhtml\+xml)\b/i.test(contentType)
}

/** For people: what points into the account is put in the client's terms, anything else is left alone. */
function redirectOutside(location: string, journey: Journey): { location: string } | undefined {
  const goal = goalOf(location, journey)
  return goal === undefined || goal === location ? undefined : { location: goal }
}

/** For tools: to the same place in another spelling, or nowhere. git builds the next address from the tail. */
function redirectOfTool(
  location: string | undefined,
  journey: Journey,
): { location: string } | UpstreamFailed | undefined {
  const goal = location === undefined ? undefined : goalOf(location, journey)
  if (goal === undefined || !keepsTail(goal, journey))
    return failed(location !== undefined && signIn.test(location) ? 'unauthorized' : 'redirect')
  return goal === location ? undefined : { location: goal }
}

/** Where Azure DevOps sends whoever it does not know. */
const signIn = /\/_signin\b|^https:\/\/login\.(?:microsoftonline|windows|live)\./i

/** Where a redirect leads in the client's terms; `undefined` if that is not within reach of the account. */
function goalOf(location: string, { destination, address }: Journey): string | undefined {
  const asked = destination.origin + destination.path
  if (!URL.canParse(location, asked)) return undefined
  const { origin, pathname, search, hash } = new URL(location, asked)
  // An upstream that reads X-Forwarded-Host already speaks in the client's terms.
  if (origin === address) return isWithin(pathname, destination.outer) ? location : undefined
  if (origin !== destination.origin) return undefined
  const path = pathOutside(pathname + search + hash, destination)
  return path === undefined ? undefined : `${address}${path}`
}

/** Whether the goal ends as the request did, query included: `/info/refs?service=git-upload-pack`. */
function keepsTail(goal: string, { target, address }: Journey): boolean {
  const { pathname, search } = new URL(goal, address)
  const path = pathOf(target)
  const tail = /\/(?:info\/(?:refs|lfs\/.*)|git-(?:upload|receive)-pack)$/i.exec(path)?.[0]
  return pathname.endsWith(tail ?? path.slice(path.lastIndexOf('/'))) && search === target.slice(path.length)
}
