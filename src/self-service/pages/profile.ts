import type { PlannedMove } from '../../gateway/account.ts'
import type { AccountName, Instant, Username } from '../../gateway/names.ts'
import { type AccountRecord, type CredentialRecord, isBlocked } from '../../gateway/registry.ts'
import type { ActingState } from '../acting.ts'
import { html, type Html, moment, type Page } from '../html.ts'
import { formOf, pageAt, type ScopeName, signInAt } from '../scope-names.ts'
import { acting } from './acting.ts'
import type { Faults } from './fields.ts'
import { helpers, type HelperSettings } from './helpers.ts'
import { type Link, linkedIdentities, type OtherIdentity, signInTooForm } from './links.ts'
import {
  addForm,
  mainPassword,
  type OwnPasswords,
  passwordTable,
  type Wanted as Adding,
} from './passwords.ts'
import { beforeTheMove, preparation, type Preparation } from './moving.ts'
import { claimForm, setForm } from './set-password.ts'

/** Everything that an account's page shows to a signed-in user. */
export interface Profile {
  readonly account: Pick<AccountRecord, 'name'>
  readonly scopeName: ScopeName
  /** It is the page for the scope that the account is about to move to. */
  readonly coming?: PlannedMove | undefined
  /** The same for the scope that it signs in with now. */
  readonly preparation?: Preparation | undefined
  readonly csrf: string
  /** The user name of the credential, or of the one to create. Missing: the identity provider gave no usable name. */
  readonly username: Username | undefined
  readonly credential: CredentialRecord | undefined
  /** An operator created a credential under this user's name; its password claims it. */
  readonly claimable: boolean
  /** The credential under this user's name belongs to another person. */
  readonly taken: boolean
  /** When another person last signed in under this credential's user name. */
  readonly contestedAt: Instant | undefined
  readonly passwords: OwnPasswords
  readonly acting: ActingState
  /** For credential helpers; missing where they get no passwords. */
  readonly helpers: HelperSettings | undefined
  /** Whether the sign-in is recent enough for changes. */
  readonly fresh: boolean
  /** The accounts of a directory that the credential is valid for. Empty for Microsoft accounts. */
  readonly opens: readonly AccountName[]
  readonly sets: readonly OwnSet[]
  /** The user's other identities in this session. */
  readonly others: readonly OtherIdentity[]
  /** The user's identities in other scopes that are linked to this one. */
  readonly links: readonly Link[]
}

/** The result of the last action, shown at the top of the page. */
export interface Feedback {
  readonly faults?: Faults
  /** The secondary user name as typed. */
  readonly secondary?: string
  /** The password to create, as it was typed. */
  readonly adding?: Adding
  readonly done?: string
  readonly note?: string
}

/** The page of an account: its present credential and the forms that change it. */
export function profile(shown: Profile, feedback: Feedback = {}): Page {
  const { account, scopeName } = shown
  const wrong = feedback.faults !== undefined
  const title = `Alternate credentials for ${scopeName.name}`
  return {
    status: wrong ? 422 : 200,
    csrf: shown.csrf,
    title: wrong ? `Error: ${title}` : feedback.done === undefined ? title : `${feedback.done} ${title}`,
    main: html`<h1>Alternate credentials <span class="name">for ${scopeName.name}</span></h1>
${feedback.done && html`<p class="done" role="status">${feedback.done}</p>`}
${feedback.note && html`<p class="note" role="status">${feedback.note}</p>`}
${feedback.faults && errorSummary(feedback.faults)}
<p class="lead">One user name for git and other tools, and a password for each. They work <strong>${scopeName.reach}</strong> and
nowhere else.</p>
${shown.coming && beforeTheMove(account, shown.coming)}
${shown.preparation && preparation(shown, shown.preparation)}
${shown.contestedAt !== undefined && contested(shown.contestedAt)}
${!shown.fresh && mayChange(shown) && signInAgain(shown)}
${shown.credential && present(shown, shown.credential)}
${passwordTable(shown)}
${acting(shown)}
${change(shown, feedback)}
${!isUnclaimed(shown) && helpers(shown.helpers)}
${reach(shown)}
${linkedIdentities(shown)}
${elsewhere(shown)}`,
  }
}

function errorSummary(faults: Faults): Html {
  const entries = Object.entries(faults)
  return html`<div class="summary" role="alert" tabindex="-1" autofocus aria-labelledby="summary">
<h2 id="summary">Nothing has been saved yet</h2>
<ul>${entries.map(([field, sentence]) => html`<li><a href="#${field}">${sentence}</a></li>`)}</ul>
</div>`
}

function present(shown: Profile, credential: CredentialRecord): Html {
  const { username, secondary, enabled, lastUsed } = credential
  const main = mainPassword(shown)
  return html`<section class="card" aria-labelledby="present">
<div class="heading"><h2 id="present">Your current credentials</h2>
<span class="badge ${enabled ? 'on' : 'off'}">${enabled ? 'Switched on' : 'Switched off'}</span></div>
<dl>
<div><dt>User name</dt><dd>${username}</dd></div>
<div><dt>Secondary user name</dt><dd>${secondary ?? html`<span class="none">none</span>`}</dd></div>
<div><dt>Main password</dt><dd>${
    main === undefined ? html`<span class="none">none</span>` : html`${main.how}, set ${moment(main.setAt)}`
  }</dd></div>
<div><dt>Last used</dt><dd>${
    lastUsed === undefined
      ? html`<span class="none">not yet</span>`
      : html`${moment(lastUsed.at)}<br>from ${lastUsed.from}`
  }</dd></div>
</dl>
${isBlocked(credential) && blocked}
${shown.fresh && mayChange(shown) && nextSteps}
${!isBlocked(credential) && shown.fresh && switchForm(shown, enabled)}
</section>`
}

const nextSteps = html`<div class="choices"><a class="button" href="#add">Add a new password</a>
<a class="button secondary" href="#set">Set a new main password</a></div>`

/** Whether the user can have passwords at all. */
function mayChange({ username, taken }: Profile): boolean {
  return username !== undefined && !taken
}

function signInAgain(shown: Profile): Html {
  return html`<section class="card" aria-labelledby="again">
<h2 id="again">Sign in again to make changes</h2>
<p>You signed in some time ago. Changes require a recent sign-in, in case this browser is now used by another person.</p>
<p><a class="button" href="${signInAt(shown, 'again')}">Sign in again</a></p>
</section>`
}

const blocked = html`<p class="note" role="status">Your operator has switched these credentials off. They stay off until your
operator switches them on again: ask your operator. You can set a new password meanwhile, but it will not work before that.</p>`

function switchForm(shown: Profile, enabled: boolean): Html {
  const words = enabled
    ? 'If you switch them off, they stop working until you switch them on again. The password does not change.'
    : 'They do not work now. Switch them on to use the same user name and password again.'
  return html`<form method="post" action="/_altgate/switch" class="aside">
${formOf(shown, shown.csrf)}
<input type="hidden" name="on" value="${enabled ? '0' : '1'}">
<p class="hint">${words}</p>
<button class="${enabled ? 'secondary' : 'primary'}" type="submit">${enabled ? 'Switch off' : 'Switch on'}</button>
</form>`
}

/** Nothing works for the user before the claim, and a helper would get no password. */
function isUnclaimed({ claimable, credential }: Profile): boolean {
  return claimable && credential === undefined
}

function change(shown: Profile, feedback: Feedback): Html {
  const { username, fresh, claimable } = shown
  if (username === undefined) return nameless(shown)
  if (shown.taken) return taken(username)
  if (!fresh) return html``
  const forms = html`${addForm(shown, feedback)}${setForm(shown, username, feedback)}`
  if (shown.credential?.unproved)
    return html`${claimForm(shown, shown.credential.username, feedback)}${forms}`
  return claimable ? claimForm(shown, username, feedback) : forms
}

/** The sign-in gave no usable address. The user may not choose one, because upstreams trust the user name. */
function nameless(shown: Profile): Html {
  const { scopeName } = shown
  return html`<section class="card" aria-labelledby="nameless">
<h2 id="nameless">Your operator must set the password</h2>
<p>Your sign-in did not provide an e-mail address that can be used as a user name. Ask your operator for credentials of the set
<b>${scopeName.name}</b>, and tell them the user name that you would like to have.</p>
<p class="hint">Or <a href="${signInAt(shown, 'other')}">sign in with another account</a>.</p>
</section>`
}

/** An address has passed from one person to another, or was claimed by someone it does not belong to. */
function taken(username: Username): Html {
  return html`<section class="card" aria-labelledby="taken">
<h2 id="taken">Your user name is taken</h2>
<p>The credentials for <b>${username}</b> belong to another person. You cannot set a password under this name until your
operator has resolved the conflict. The other person is notified as well.</p>
</section>`
}

/** For the owner: the identity provider has given their name to another person as well. */
function contested(at: Instant): Html {
  return html`<p class="note" role="status">Another person signed in with your user name, most recently on ${moment(at)}. They
cannot change your credentials. Ask your operator to resolve the conflict.</p>`
}

const mostShown = 20

function reach({ account, scopeName, opens, coming }: Profile): Html {
  const shown = opens.slice(0, mostShown)
  const more = opens.length - shown.length
  const list =
    scopeName.scope === 'msa'
      ? html`<p>All accounts that sign in with Microsoft accounts and that you have access to${coming ? ', and' : ', such as'} <b>${account.name}</b>${coming && ' after its move'}. One
set of credentials works for all of them.</p>`
      : html`<p>All accounts connected to the directory ${scopeName.name} that you have access to:</p>
<ul class="names">${shown.map(name => html`<li>${name}</li>`)}${more > 0 && html`<li class="more">and ${more} more</li>`}${
          coming && html`<li>${account.name}, after its move</li>`
        }</ul>`
  return html`<section class="card" aria-labelledby="reach"><h2 id="reach">Where they work</h2>${list}</section>`
}

function elsewhere(shown: Profile): Html {
  const { fresh, username, scopeName, sets } = shown
  const others = sets.filter(set => set.scopeName.scope !== scopeName.scope)
  return html`<section class="card" aria-labelledby="elsewhere">
<h2 id="elsewhere">Other accounts</h2>
<p>You have one set of credentials for all accounts that sign in with Microsoft accounts, and one for each directory.
Changes here do not affect the other sets. When an account moves to another directory, it accepts the set of that directory
from then on.</p>
<p class="hint"><a href="/_altgate/">Open another account’s page</a></p>
${fresh && username !== undefined && signInTooForm(shown)}
</section>
${others.length > 0 && ownSets(sets)}`
}

/** One user's credential in one scope, if there is one. */
export interface OwnSet {
  readonly scopeName: ScopeName
  /** The account whose page the user signed in for. */
  readonly account: AccountName
  /** It was the page for the scope that the account was about to move to. */
  readonly coming?: true | undefined
  readonly credential: CredentialRecord | undefined
  /** Whether the sign-in is recent enough for changes. */
  readonly fresh: boolean
}

/** The credentials of all the user's identities in this session. */
export function ownSets(sets: readonly OwnSet[]): Html {
  return html`<section class="card" aria-labelledby="sets">
<h2 id="sets">Your sets of credentials</h2>
<ul class="sets">
${sets.map(({ account: name, credential, fresh, ...set }) => {
  const place = { ...set, account: { name } }
  return html`<li>
<span><a href="${pageAt(place)}">${set.scopeName.name}</a><br><span class="hint">${stateOf(credential)}</span></span>
${!fresh && html`<a href="${signInAt(place, 'again')}">Sign in again<span class="visually-hidden"> for ${set.scopeName.name}</span></a>`}
</li>`
})}
</ul>
</section>`
}

function stateOf(credential: CredentialRecord | undefined): string {
  if (credential === undefined) return 'no password set'
  const state = isBlocked(credential)
    ? 'switched off by your operator'
    : credential.enabled
      ? 'switched on'
      : 'switched off'
  return `${credential.username}, ${state}`
}
