import type { Grant, GrantEnd } from '../../gateway/delegation.ts'
import type { ActingState, Wanted } from '../acting.ts'
import { html, type Html, moment, type Page } from '../html.ts'
import { formOf, pageAt, type Place, type ScopeName, signInAt } from '../scope-names.ts'
import type { Profile } from './profile.ts'

/**
 * Says what a sign-in asks for and why, before the sign-in service does. Follows a heading. `name`: who knows whether the user is
 * active.
 */
export function whatIsAskedFor(wanted: Wanted, name: string): Html {
  return html`<p>The first time, the sign-in service asks you to allow this gateway to:</p>
${listOf(wanted, name)}
<p class="hint">${limits(wanted)} You can end it on your page at any time.</p>`
}

function listOf({ upstream, liveness }: Wanted, name: string): Html {
  return html`<ul>
${
  upstream !== undefined &&
  html`<li><b>Access ${serviceOf(upstream)} as you.</b> Your pushes and other requests appear there under your own name, with your
own permissions.</li>`
}
<li><b>Keep this access while you are away.</b> git and other tools run without a browser, so the gateway renews the access
without you.</li>
${
  liveness &&
  html`<li><b>Check that your account is active.</b> When ${name} closes your account, your alternate credentials stop working as
well.</li>`
}
</ul>`
}

function limits({ upstream }: Wanted): string {
  return upstream === undefined
    ? 'The gateway reads and changes nothing with it.'
    : 'The gateway uses it only for requests with your alternate credentials.'
}

/** The part of a profile about requests that act as the user; nothing where none do. */
export function acting(shown: Profile): Html | false {
  const { wanted, grant } = shown.acting
  if (grant?.refreshToken !== undefined) return connected(shown, grant)
  return wanted !== undefined && signInNeeded(shown, wanted, grant)
}

function connected(shown: Profile, grant: Grant): Html {
  const { fresh, scopeName, acting: state } = shown
  const { wanted } = state
  const since = html`since ${moment(grant.grantedAt)}, renewed ${moment(grant.renewedAt)}`
  const who = html`<b>${grant.username ?? 'you'}</b>`
  const upstream = wanted?.upstream
  return html`<section class="card" aria-labelledby="acting">
<div class="heading"><h2 id="acting">Your sign-in to ${upstream === undefined ? scopeName.name : serviceOf(upstream)}</h2>
<span class="badge on">Connected</span></div>
<p>${
    upstream === undefined
      ? html`Known as ${who} at ${scopeName.name} ${since}.`
      : html`Acts as ${who} on ${serviceOf(upstream)} ${since}.`
  }</p>
${
  fresh &&
  html`<form method="post" action="/_altgate/disconnect" class="aside">
${formOf(shown, shown.csrf)}
<p class="hint">${
    wanted === undefined ? 'No account needs it at present.' : afterDisconnecting(wanted, state, scopeName)
  }</p>
<button class="secondary" type="submit">Disconnect</button>
</form>`
}
</section>`
}

function afterDisconnecting(wanted: Wanted, state: ActingState, { name }: ScopeName): string {
  const next = 'Your next sign-in here connects again.'
  if (wanted.upstream !== undefined)
    return `If you disconnect, your tools are told that a sign-in is needed. ${next}`
  const { unwatchedDays: days } = state
  return days === undefined
    ? `If you disconnect, this gateway cannot notice when ${name} closes your account, and your alternate credentials keep working. ${next}`
    : `If you disconnect, your alternate credentials are switched off ${daysAfter(days)} your last sign-in here. ${next}`
}

function daysAfter(days: number): string {
  return days === 1 ? 'one day after' : `${days} days after`
}

/** What it means that a user is not checked. */
function uncheckedText({ acting: { unwatchedDays: days }, scopeName: { name } }: Profile): string {
  return days === undefined
    ? `Until you sign in, this gateway cannot notice when ${name} closes your account.`
    : `Until you sign in, this gateway cannot notice when ${name} closes your account. Your alternate credentials are switched off ${daysAfter(days)} your last sign-in here.`
}

function signInNeeded(shown: Profile, wanted: Wanted, grant: Grant | undefined): Html {
  const { scopeName } = shown
  const { upstream, liveness } = wanted
  const service = upstream === undefined ? scopeName.name : serviceOf(upstream)
  const ask = grant?.ended?.cause === 'claims' && grant.demand === undefined ? 'again' : undefined
  return html`<section class="card" aria-labelledby="acting">
<div class="heading"><h2 id="acting">Your sign-in to ${service}</h2>
<span class="badge off">Sign-in needed</span></div>
<p>${grant !== undefined && html`${endingOf(grant)}. `}${
    upstream === undefined
      ? 'This gateway asks for permission to:'
      : grant === undefined
        ? html`Your alternate credentials work for ${service} after you have signed in once and allowed this gateway to:`
        : html`Until you sign in again, your tools are told that a sign-in is needed. This gateway asks for permission to:`
  }</p>
${listOf(wanted, scopeName.name)}
${liveness && html`<p>${uncheckedText(shown)}</p>`}
<p><a class="button" href="${signInAt(shown, ask)}">Sign in<span
 class="visually-hidden"> to ${service}</span></a></p>
<p class="hint">The password in your tools stays the same. ${limits(wanted)}</p>
</section>`
}

function endingOf({ ended, grantedAt }: Grant): Html {
  // The key that sealed it is missing, or the gateway has another app registration: the operator's concern.
  if (ended === undefined) return html`Your sign-in of ${moment(grantedAt)} cannot be used any more`
  return html`${endings[ended.cause]} on ${moment(ended.at)}`
}

const endings: Readonly<Record<GrantEnd, string>> = {
  refused: 'The sign-in service ended it',
  disconnected: 'You disconnected it',
  'signed-out': 'Your operator ended it',
  claims: 'The service asked for a new sign-in',
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
  const service = wanted.upstream === undefined ? scopeName.name : serviceOf(wanted.upstream)
  return {
    status: 200,
    title: 'You are signed in, but not connected',
    main: html`<h1>You are signed in, but not connected</h1>
<p class="lead">The sign-in service did not allow this gateway to keep access to ${service} for you. ${
      isConnected
        ? 'What you allowed earlier stays in use.'
        : wanted.upstream === undefined
          ? html`Until it does, the gateway cannot notice when ${scopeName.name} closes your account.`
          : html`Until it does, your tools are told that a sign-in is needed.`
    }</p>
<p>Try once more, and accept what the sign-in service asks for. If that does not help, give your operator the reference below.</p>
<p><a class="button" href="${signInAt(shown, 'consent')}">Try again</a></p>
<p><a href="${pageAt(shown)}">Continue to your credentials</a></p>`,
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
