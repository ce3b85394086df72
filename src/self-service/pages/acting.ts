import type { Grant } from '../../gateway/delegation.ts'
import type { Wanted } from '../acting.ts'
import { html, type Html, type Page, type Said } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { formOf, pageAt, type Place, type ScopeName, signInAt } from '../scope-names.ts'
import type { Profile } from './profile.ts'

/**
 * Says what a sign-in asks for and why, before the sign-in service does. Follows a heading. `keeper`: who knows whether the user
 * is active.
 */
export function whatIsAskedFor({ acting: say }: Messages, wanted: Wanted, keeper: string): Html {
  return html`<p>${say.first}</p>
${listOf(say, wanted, keeper)}
<p class="hint">${limits(say, wanted)} ${say.end}</p>`
}

type Sentences = Messages['acting']

function listOf(say: Sentences, { upstream, liveness }: Wanted, keeper: string): Html {
  return html`<ul>
${upstream !== undefined && html`<li>${say.asYou(serviceOf(upstream))}</li>`}
<li>${say.away}</li>
${liveness && html`<li>${say.active(keeper)}</li>`}
</ul>`
}

function limits(say: Sentences, { upstream }: Wanted): string {
  return upstream === undefined ? say.onlyReads : say.onlyRequests
}

/** The part of a profile about requests that act as the user; nothing where none do. */
export function acting(messages: Messages, shown: Profile): Html | false {
  const { wanted, grant } = shown.acting
  if (grant?.refreshToken !== undefined) return connected(messages, shown, grant)
  return wanted !== undefined && signInNeeded(messages, shown, wanted, grant)
}

/** Where the sign-in gives access: an upstream, or only the provider. */
function placeOf({ scopes }: Messages, scope: ScopeName, wanted: Wanted | undefined): Html | string {
  return wanted?.upstream === undefined ? scopes.keeper(scope) : serviceOf(wanted.upstream)
}

function connected(messages: Messages, shown: Profile, grant: Grant): Html {
  const { acting: say, times } = messages
  const { fresh, scopeName } = shown
  const { wanted } = shown.acting
  const who = grant.username && html`<b>${grant.username}</b>`
  const [since, renewed] = [times.moment(grant.grantedAt), times.moment(grant.renewedAt)]
  const upstream = wanted?.upstream
  return html`<section class="card" aria-labelledby="acting">
<div class="heading"><h2 id="acting">${say.heading(placeOf(messages, scopeName, wanted))}</h2>
<span class="badge on">${say.connected}</span></div>
<p>${
    upstream === undefined
      ? say.known(who, scopeName, since, renewed)
      : say.acts(who, serviceOf(upstream), since, renewed)
  }</p>
${
  fresh &&
  html`<form method="post" action="/_altgate/disconnect" class="aside">
${formOf(shown, shown.csrf)}
<p class="hint">${wanted === undefined ? say.notNeeded : afterDisconnecting(say, wanted, shown)}</p>
<button class="secondary" type="submit">${say.disconnect}</button>
</form>`
}
</section>`
}

function afterDisconnecting(say: Sentences, wanted: Wanted, { acting: state, scopeName }: Profile): string {
  if (wanted.upstream !== undefined) return say.afterUpstream
  const { unwatchedDays: days } = state
  return days === undefined ? say.afterLiveness(scopeName) : say.afterLivenessDays(days)
}

/** What it means that a user is not checked. */
function uncheckedText(say: Sentences, { acting: { unwatchedDays: days }, scopeName }: Profile): string {
  const noticed = say.unchecked(scopeName)
  return days === undefined ? noticed : `${noticed} ${say.uncheckedDays(days)}`
}

function signInNeeded(messages: Messages, shown: Profile, wanted: Wanted, grant: Grant | undefined): Html {
  const { acting: say, scopes } = messages
  const { scopeName } = shown
  const { upstream, liveness } = wanted
  const place = placeOf(messages, scopeName, wanted)
  const ask = grant?.ended?.cause === 'claims' && grant.demand === undefined ? 'again' : undefined
  return html`<section class="card" aria-labelledby="acting">
<div class="heading"><h2 id="acting">${say.heading(place)}</h2>
<span class="badge off">${say.needed}</span></div>
<p>${grant !== undefined && html`${endingOf(messages, grant)} `}${
    upstream === undefined ? say.asks : grant === undefined ? say.asksFirst(place) : say.asksAgain
  }</p>
${listOf(say, wanted, scopes.keeper(scopeName))}
${liveness && html`<p>${uncheckedText(say, shown)}</p>`}
<p><a class="button" href="${signInAt(shown, ask)}">${say.signIn(place)}</a></p>
<p class="hint">${say.same} ${limits(say, wanted)}</p>
</section>`
}

function endingOf({ acting: say, times }: Messages, { ended, grantedAt }: Grant): Html {
  // The key that sealed it is missing, or the gateway has another app registration: the operator's concern.
  if (ended === undefined) return say.unusable(times.moment(grantedAt))
  return say.endings[ended.cause](times.moment(ended.at))
}

/** The sign-in succeeded, but gave the gateway nothing to act with. */
export function notConnected(
  shown: Place & {
    readonly scopeName: ScopeName
    readonly wanted: Wanted
    /** What an earlier sign-in gave still works. */
    readonly isConnected: boolean
  },
): Page {
  const { scopeName, wanted, isConnected } = shown
  const title: Said<string> = ({ acting: say }) => say.notConnected
  return {
    status: 200,
    title,
    main: messages => {
      const { acting: say } = messages
      const outlook = wanted.upstream === undefined ? say.untilThenUnchecked(scopeName) : say.untilThenTold
      return html`<h1>${title(messages)}</h1>
<p class="lead">${say.notAllowed(placeOf(messages, scopeName, wanted))} ${isConnected ? say.earlier : outlook}</p>
<p>${say.once}</p>
<p><a class="button" href="${signInAt(shown, 'consent')}">${messages.trouble.tryAgain}</a></p>
<p><a href="${pageAt(shown)}">${say.toCredentials}</a></p>`
    },
    reference: true,
  }
}

/** How the page calls an upstream: by its name if it is known, else by its scope. */
function serviceOf(scope: string): Html | string {
  const resource = scope.replace(/\/[^/]*$/, '')
  return azureDevOps.has(resource) ? 'Azure DevOps' : html`<code>${resource}</code>`
}

/** Its id as a resource, and its address as one. */
const azureDevOps: ReadonlySet<string> = new Set([
  '499b84ac-1321-427f-aa17-267ca6975798',
  'https://app.vssps.visualstudio.com',
])
