import { addressOf, connectionText, whereTo } from '../../administration/accounts.ts'
import type { Shown } from '../../administration/credentials.ts'
import {
  type ExplainedReference,
  type ExplanationSettings,
  refusalReasons,
} from '../../administration/explanation.ts'
import { passwordText } from '../../administration/passwords.ts'
import { stateOf } from '../../administration/people.ts'
import { signInText, watchText } from '../../administration/sign-ins.ts'
import type { Tools } from '../../administration/tools.ts'
import type { Change } from '../../gateway/history.ts'
import type { Username } from '../../gateway/names.ts'
import type { Refusal } from '../../gateway/ports.ts'
import { type AccountRecord, type Directory, isBlocked, type Member } from '../../gateway/registry.ts'
import { html, type Html, moment, type Page } from '../html.ts'
import { en } from '../messages/en.ts'
import { nameOfScope } from '../scope-names.ts'
import { actLink, userLink } from './pages.ts'

/** The start of the console: a search, and the last refusals of all users. */
export function homePage(refusals: readonly Refusal[]): Page {
  return {
    status: 200,
    title: 'Console',
    main: html`<h1>Which user needs help?</h1>
${searchForm()}
${refusalList('Last refusals', refusals)}`,
  }
}

function searchForm(typed = ''): Html {
  return html`<form class="card" method="get" action="/_altgate/admin" role="search">
<div class="field">
<label for="q">User name, account, or reference</label>
<p class="hint" id="q-hint">A reference is the code in the text that git or the page shows, such as
<code>3f0c9a1be27d4c5586aa01f2</code>.</p>
<input id="q" name="q" value="${typed}" autocomplete="off" autocapitalize="none" spellcheck="false" required
 aria-describedby="q-hint">
</div>
<button type="submit">Find</button>
</form>`
}

/** `user`: what was typed could be a user name. */
export function nothingFound(typed: string, user: Username | undefined, sentence?: string): Page {
  return {
    status: 404,
    title: 'Nothing was found',
    main: html`<h1>Nothing was found</h1>
<p class="note" role="status">${sentence ?? `There is no user, account or reference called ${typed}.`}</p>
${searchForm(typed)}
${
  user?.includes('@') &&
  html`<p class="hint">You can block an address before its user has any credentials: ${actLink({ what: 'block', user }, `Block ${user}`)}</p>`
}`,
  }
}

interface PersonFacts {
  readonly isBlocked: boolean
  readonly shown: readonly Shown[]
  readonly directories: readonly Directory[]
  readonly tools: Pick<Tools, 'delegation' | 'watch'>
  readonly refusals: readonly Refusal[]
  readonly changes: readonly Change[]
}

export function personPage(user: Username, facts: PersonFacts): Page {
  const { isBlocked: blocked, shown, refusals, changes } = facts
  return {
    status: 200,
    title: `User ${user}`,
    main: html`<h1>User <span class="name">${user}</span></h1>
${blocked && html`<p class="note" role="status">This user is blocked in all scopes, and stays blocked when new credentials are made.</p>`}
${shown.length === 0 && html`<p>There are no credentials of that name.</p>`}
<section class="card" aria-labelledby="everywhere">
<h2 id="everywhere">In all scopes</h2>
<p class="actions">
${blocked ? actLink({ what: 'unblock', user }, 'End the block') : actLink({ what: 'block', user }, 'Block')}
${actLink({ what: 'sign-out', user }, 'Sign out')}
</p>
</section>
${shown.map((each, at) => credentialCard(each, at, facts))}
${refusalList('Last refusals', refusals)}
${changeList(changes)}
${searchForm()}`,
  }
}

function credentialCard(
  { record, grant, now, accounts, passwords }: Shown,
  at: number,
  { tools: { delegation, watch }, directories }: PersonFacts,
): Html {
  const { scope, username: user, secondary, enabled, lastUsed, setAt, owner } = record
  const named = passwords.filter(({ name, over }) => name !== undefined && over === undefined)
  return html`<section class="card" aria-labelledby="set-${at}">
<div class="heading"><h2 id="set-${at}">Credentials for ${en.scopes.name(nameOfScope(scope, directories))}</h2>
<span class="badge ${enabled ? 'on' : 'off'}">${enabled ? 'Switched on' : 'Switched off'}</span></div>
<dl>
<div><dt>Scope</dt><dd>${scope}</dd></div>
<div><dt>User name</dt><dd>${user}</dd></div>
<div><dt>Secondary user name</dt><dd>${secondary ?? none}</dd></div>
<div><dt>State</dt><dd>${stateOf(record)}</dd></div>
<div><dt>Owner</dt><dd>${owner === undefined ? 'none yet: an operator has made it' : 'claimed by its user'}</dd></div>
<div><dt>Password set</dt><dd>${moment(setAt)}</dd></div>
<div><dt>Last used</dt><dd>${lastUsed === undefined ? none : html`${moment(lastUsed.at)}<br>from ${lastUsed.from}`}</dd></div>
<div><dt>Sign-in</dt><dd>${signInText(grant, { opens: delegation.opens, now })}</dd></div>
<div><dt>Liveness</dt><dd>${watchText(watch(record, grant))}</dd></div>
<div><dt>Accounts</dt><dd>${
    accounts.length === 0
      ? none
      : accounts.map(
          ({ name, member }) => html`${name}${member === false && ' (not a member: no access)'}<br>`,
        )
  }</dd></div>
<div><dt>Generated passwords</dt><dd>${passwords.length === 0 ? none : passwords.map(each => html`${passwordText(each)}<br>`)}</dd></div>
</dl>
<p class="actions">
${isBlocked(record) ? actLink({ what: 'enable', user, scope }, 'Switch on') : actLink({ what: 'disable', user, scope }, 'Switch off')}
${owner !== undefined && actLink({ what: 'reset', user, scope }, 'Start a reset')}
${named.length > 0 && actLink({ what: 'revoke-passwords', user, scope }, 'Revoke named passwords')}
</p>
</section>`
}

const none = html`<span class="none">none</span>`

interface AccountFacts {
  readonly members: readonly Member[] | undefined
  readonly refusals: readonly Refusal[]
  readonly changes: readonly Change[]
}

const mostMembers = 100

export function accountPage(
  account: AccountRecord,
  settings: ExplanationSettings,
  { members, refusals, changes }: AccountFacts,
): Page {
  const { name, connection, upstream } = account
  return {
    status: 200,
    title: `Account ${name}`,
    main: html`<h1>Account <span class="name">${name}</span></h1>
<section class="card" aria-labelledby="facts">
<h2 id="facts">How it is set up</h2>
<dl>
<div><dt>Signs in with</dt><dd>${connectionText(connection)}</dd></div>
<div><dt>Address</dt><dd>${addressOf(name, settings)}</dd></div>
<div><dt>Upstream</dt><dd>${upstream}</dd></div>
<div><dt>Requests go to</dt><dd>${whereTo(account, settings)}</dd></div>
<div><dt>Open to</dt><dd>${
      members === undefined
        ? 'every user of its scope'
        : html`members: ${members.length}<br>${members.slice(0, mostMembers).map(({ username }) => html`${userLink(username)}<br>`)}`
    }</dd></div>
</dl>
</section>
${refusalList('Last refusals', refusals)}
${changeList(changes)}
${searchForm()}`,
  }
}

export function referencePage({ refusal, passwords, now }: ExplainedReference): Page {
  const { reference, at, outcome, cause, account, user, from, tool, method, kind } = refusal
  const why = outcome === 'refused' && cause !== undefined ? Object(refusalReasons)[cause] : undefined
  return {
    status: 200,
    title: `Reference ${reference}`,
    main: html`<h1>What happened</h1>
<section class="card" aria-labelledby="happened">
<h2 id="happened">${outcome}</h2>
<dl>
<div><dt>Reference</dt><dd><code>${reference}</code></dd></div>
<div><dt>When</dt><dd>${moment(at)}</dd></div>
<div><dt>Because</dt><dd>${typeof why === 'string' ? why : (cause ?? none)}</dd></div>
<div><dt>Account</dt><dd>${account === undefined ? none : html`<a href="/_altgate/admin?q=${account}">${account}</a>`}</dd></div>
<div><dt>User</dt><dd>${user === undefined ? 'one that is unknown, and is not kept' : userLink(user)}</dd></div>
<div><dt>From</dt><dd>${from}</dd></div>
<div><dt>Tool</dt><dd>${tool ?? none}</dd></div>
<div><dt>Request</dt><dd>${method}, ${kind}</dd></div>
${passwords && html`<div><dt>Passwords of that name now</dt><dd>${passwords.length === 0 ? none : passwords.map(each => html`${passwordText(each)}<br>`)}</dd></div>`}
</dl>
</section>
${
  now &&
  html`<section class="card" aria-labelledby="now">
<h2 id="now">Now, if the password is right: ${now.decision.outcome}</h2>
<dl>${now.stations.map(({ station, found }) => html`<div><dt>${station}</dt><dd>${found}</dd></div>`)}</dl>
</section>`
}
${searchForm()}`,
  }
}

function refusalList(title: string, refusals: readonly Refusal[]): Html {
  return html`<section class="card" aria-labelledby="refusals">
<h2 id="refusals">${title}</h2>
${refusals.length === 0 && html`<p class="none">There are none.</p>`}
<dl>${refusals.map(
    ({ reference, at, outcome, cause, user, account, from, tool }) => html`<div><dt>${moment(at)}</dt>
<dd><a href="/_altgate/admin?q=${reference}">${outcome}</a>${cause !== undefined && `, ${cause}`}<br>
${user === undefined ? 'unknown user' : userLink(user)}${account !== undefined && ` on ${account}`}, from ${from}${tool !== undefined && ` by ${tool}`}</dd></div>`,
  )}</dl>
</section>`
}

function changeList(changes: readonly Change[]): Html {
  return html`<section class="card" aria-labelledby="changes">
<h2 id="changes">Changes of the last 7 days</h2>
${changes.length === 0 && html`<p class="none">There are none.</p>`}
<dl>${changes.map(
    ({ at, actor, action }) => html`<div><dt>${moment(at)}</dt><dd>${action}<br>by ${actor}</dd></div>`,
  )}</dl>
</section>`
}
