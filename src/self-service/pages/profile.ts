import { pageOf } from '../../gateway/account.ts'
import type { AccountName, Instant, Username } from '../../gateway/names.ts'
import type { AccountRecord, CredentialRecord } from '../../gateway/registry.ts'
import { html, type Html, type Page } from '../html.ts'
import { type ScopeName, signInFor } from '../scope-names.ts'
import type { Identity } from '../session.ts'
import { claimForm, type Faults, setForm } from './set-password.ts'

/** All that the page of one account shows to somebody who is signed in for it. */
export interface Profile {
  readonly account: AccountRecord
  readonly scopeName: ScopeName
  readonly csrf: string
  /** What the credential is or will be called; missing: the authority gave no name that can be one. */
  readonly username: Username | undefined
  readonly credential: CredentialRecord | undefined
  /** An operator made a credential of this person's name: it can be taken over by its password. */
  readonly claimable: boolean
  /** The credential of this person's name is another person's. */
  readonly taken: boolean
  /** When another person last signed in under the name of this person's credential. */
  readonly contestedAt: Instant | undefined
  /** Whether the sign-in is recent enough for changes. */
  readonly fresh: boolean
  /** The accounts that the credential opens, for a directory; nobody knows who all has Microsoft accounts. */
  readonly opens: readonly AccountName[]
  readonly sets: readonly OwnSet[]
  /** Whom else the person has signed in as. */
  readonly others: readonly OtherIdentity[]
}

/** What has just happened, said at the top of the page. */
export interface Told {
  readonly faults?: Faults
  /** What was typed as the secondary user name. */
  readonly secondary?: string
  readonly done?: string
  readonly note?: string
}

/** The page of an account: what there is, and the form for what there shall be. */
export function profile(shown: Profile, told: Told = {}): Page {
  const { account, scopeName } = shown
  const wrong = told.faults !== undefined
  const title = `Alternate credentials for ${scopeName.name}`
  return {
    status: wrong ? 422 : 200,
    csrf: shown.csrf,
    title: wrong ? `Error: ${title}` : told.done === undefined ? title : `${told.done} ${title}`,
    main: html`<h1>Alternate credentials <span class="name">for ${scopeName.name}</span></h1>
${told.done && html`<p class="done" role="status">${told.done}</p>`}
${told.note && html`<p class="note" role="status">${told.note}</p>`}
${told.faults && errorSummary(told.faults)}
<p class="lead">One user name and one password for git and other tools. They count <strong>${scopeName.reach}</strong>, and
nowhere else. You came here for <b>${account.name}</b>.</p>
${shown.contestedAt !== undefined && contested(shown.contestedAt)}
${shown.credential && present(shown, shown.credential)}
${change(shown, told)}
${reach(shown)}
${otherIdentities(shown)}
${elsewhere(shown)}`,
  }
}

function errorSummary(faults: Faults): Html {
  const entries = Object.entries(faults)
  return html`<div class="summary" role="alert" tabindex="-1" autofocus aria-labelledby="summary">
<h2 id="summary">Nothing was changed yet</h2>
<ul>${entries.map(([field, sentence]) => html`<li><a href="#${field}">${sentence}</a></li>`)}</ul>
</div>`
}

/** The credential as it is. */
function present(shown: Profile, { username, secondary, enabled, setAt, lastUsed }: CredentialRecord): Html {
  return html`<section class="card" aria-labelledby="present">
<div class="heading"><h2 id="present">What you have now</h2>
<span class="badge ${enabled ? 'on' : 'off'}">${enabled ? 'Switched on' : 'Switched off'}</span></div>
<dl>
<div><dt>User name</dt><dd>${username}</dd></div>
<div><dt>Secondary user name</dt><dd>${secondary ?? html`<span class="none">none</span>`}</dd></div>
<div><dt>Password set</dt><dd>${moment(setAt)}</dd></div>
<div><dt>Last used</dt><dd>${
    lastUsed === undefined
      ? html`<span class="none">not yet</span>`
      : html`${moment(lastUsed.at)}<br>from ${lastUsed.from}`
  }</dd></div>
</dl>
${shown.fresh && switchForm(shown, enabled)}
</section>`
}

function switchForm({ account, csrf }: Profile, enabled: boolean): Html {
  const words = enabled
    ? 'Switched off, they open nothing until you switch them on again. The password stays as it is.'
    : 'They open nothing now. Switched on, the same user name and password work again.'
  return html`<form method="post" action="/_altgate/switch" class="aside">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="on" value="${enabled ? '0' : '1'}">
<p class="hint">${words}</p>
<button class="${enabled ? 'secondary' : 'primary'}" type="submit">${enabled ? 'Switch off' : 'Switch on'}</button>
</form>`
}

function change(shown: Profile, told: Told): Html {
  const { account, username, fresh, claimable } = shown
  if (username === undefined) return nameless(shown)
  if (shown.taken) return taken(username)
  if (!fresh)
    return html`<section class="card" aria-labelledby="again">
<h2 id="again">To change something, sign in again</h2>
<p>You signed in some time ago. For a change we ask once more, in case somebody else sits here now.</p>
<p><a class="button" href="${signInFor(account.name, 'again')}">Sign in again</a></p>
</section>`
  return claimable ? claimForm(shown, username, told) : setForm(shown, username, told)
}

/** The sign-in gave no address that can be a user name, and nobody may make one up: upstreams believe it. */
function nameless({ scopeName, account }: Profile): Html {
  return html`<section class="card" aria-labelledby="nameless">
<h2 id="nameless">You need your operator</h2>
<p>Your sign-in came without an e-mail address that can be a user name. Ask your operator to set a password for you:</p>
<pre><code>altgate credential set --scope ${scopeName.scope} --user NAME --generate</code></pre>
<p class="hint">Or <a href="${signInFor(account.name, 'other')}">sign in with another account</a>.</p>
</section>`
}

/** An address has passed from one person to another, or somebody has taken it. */
function taken(username: Username): Html {
  return html`<section class="card" aria-labelledby="taken">
<h2 id="taken">Your user name is taken</h2>
<p>Another person has the credentials of <b>${username}</b> here. Nothing can be set under that name until your operator has
found out whose it is. The other person is told as well.</p>
</section>`
}

/** For the owner: the authority has given their name to another person, too. */
function contested(at: Instant): Html {
  return html`<p class="note" role="status">Another person signed in under your user name, the last time ${moment(at)}. They
cannot change what you have here. Ask your operator whose name it is.</p>`
}

const mostShown = 20

function reach({ account, scopeName, opens }: Profile): Html {
  const shown = opens.slice(0, mostShown)
  const more = opens.length - shown.length
  const list =
    scopeName.scope === 'msa'
      ? html`<p>Every account that signs in with Microsoft accounts and lets you in, like <b>${account.name}</b>: one set for
all of them.</p>`
      : html`<p>Every account of the directory ${scopeName.name} that lets you in:</p>
<ul class="names">${shown.map(name => html`<li>${name}</li>`)}${more > 0 && html`<li class="more">and ${more} more</li>`}</ul>`
  return html`<section class="card" aria-labelledby="reach"><h2 id="reach">What they open</h2>${list}</section>`
}

function elsewhere({ account, csrf, fresh, username, scopeName, sets }: Profile): Html {
  const others = sets.filter(set => set.scopeName.scope !== scopeName.scope)
  return html`<section class="card" aria-labelledby="elsewhere">
<h2 id="elsewhere">And other accounts?</h2>
<p>You have one set for all accounts with Microsoft accounts, and one for each directory. What you do here changes
none of the others. An account that moves to another directory is opened by the set of that directory from then on.</p>
<p class="hint"><a href="/_altgate/">Open the page of another account</a></p>
${fresh && username !== undefined && signInTooForm({ account, csrf })}
</section>
${others.length > 0 && ownSets(sets, pageOf)}`
}

/** A time that everybody can read, in UTC; the script puts the reader's own in its place. */
function moment(at: Instant): Html {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`
}

/** Somebody else whom this person has signed in as, in the same session. */
export interface OtherIdentity {
  readonly identity: Identity
  readonly scopeName: ScopeName
  /** Whether that sign-in is recent enough for changes. */
  readonly fresh: boolean
  /** Whether it is known that both are one. */
  readonly linked: boolean
}

/** What a page must know to ask. */
interface Asking {
  readonly account: { readonly name: AccountName }
  readonly scopeName: ScopeName
  readonly csrf: string
  readonly fresh: boolean
  readonly others: readonly OtherIdentity[]
}

/** Asks whether both are one person, which carries them over a move that is bridged. */
function otherIdentities(asking: Asking): Html | false {
  if (asking.others.length === 0) return false
  return html`<section class="card" aria-labelledby="selves">
<h2 id="selves">Are you one person?</h2>
<p>You have signed in here for ${asking.scopeName.name}, and elsewhere too. When an account moves from one to the other, its
operator can let those who are known in both go on with their old password for some hours.</p>
<ul class="sets">
${asking.others.map(
  other => html`<li><span>${other.scopeName.name}<br><span class="hint">${nameOf(other)}</span></span>
${answer(asking, other)}</li>`,
)}
</ul>
</section>`
}

function nameOf({ identity, linked }: OtherIdentity): string {
  const name = identity.username ?? 'signed in without a name'
  return linked ? `${name}, known to be you` : name
}

function answer(
  { account, csrf, fresh }: Asking,
  { scopeName, identity, ...other }: OtherIdentity,
): Html | false {
  if (other.linked || !fresh) return false
  if (!other.fresh)
    return html`<form method="post" action="/_altgate/sign-in-too">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="also" value="${identity.account}">
<button class="secondary" type="submit">Sign in again<span class="visually-hidden"> for ${scopeName.name}</span></button>
</form>`
  return html`<form method="post" action="/_altgate/link">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="with" value="${scopeName.scope}">
<button class="secondary" type="submit">This is me, too<span class="visually-hidden"> (${scopeName.name})</span></button>
</form>`
}

/** Asks for one more sign-in that is kept beside this one. */
function signInTooForm({ account, csrf }: Pick<Asking, 'account' | 'csrf'>): Html {
  return html`<form method="post" action="/_altgate/sign-in-too" class="aside">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<div class="field">
<label for="also">Sign in for another account, too</label>
<p class="hint" id="also-hint">This sign-in is kept beside it, so that you can say that both are you. Any other sign-in ends this one.</p>
<input id="also" name="also" autocomplete="off" autocapitalize="none" spellcheck="false" required
 aria-describedby="also-hint">
</div>
<button class="secondary" type="submit">Continue</button>
</form>`
}

/** The way to the provider: as a link, because browsers do not let a form lead to another site from here. */
export function goOn(from: AccountName, scopeName: ScopeName, to: URL): Page {
  return {
    status: 200,
    title: `Sign in for ${scopeName.name}, too`,
    main: html`<h1>Sign in for ${scopeName.name}, too</h1>
<p class="lead">Sign in with ${scopeName.signInAs}. Your sign-in from before is kept beside it.</p>
<p><a class="button" href="${to.href}">Go on</a></p>
<p class="hint"><a href="${pageOf(from)}">Back, without it</a></p>`,
  }
}

/** One person's credentials in one scope, if they have any there. */
export interface OwnSet {
  readonly scopeName: ScopeName
  /** By whose page they came to it. */
  readonly account: AccountName
  readonly credential: CredentialRecord | undefined
  /** Whether the sign-in is recent enough for changes. */
  readonly fresh: boolean
}

/** The sets of everybody that this person has signed in as. */
export function ownSets(sets: readonly OwnSet[], pageOf: (account: AccountName) => string): Html {
  return html`<section class="card" aria-labelledby="sets">
<h2 id="sets">Your sets of credentials</h2>
<ul class="sets">
${sets.map(
  ({ scopeName, account, credential, fresh }) => html`<li>
<span><a href="${pageOf(account)}">${scopeName.name}</a><br><span class="hint">${stateOf(credential)}</span></span>
${!fresh && html`<a href="${signInFor(account, 'again')}">Sign in again<span class="visually-hidden"> for ${scopeName.name}</span></a>`}
</li>`,
)}
</ul>
</section>`
}

function stateOf(credential: CredentialRecord | undefined): string {
  if (credential === undefined) return 'nothing set yet'
  return `${credential.username}, ${credential.enabled ? 'switched on' : 'switched off'}`
}
