import type { PlannedMove } from '../../gateway/account.ts'
import type { AccountName, Instant, Username } from '../../gateway/names.ts'
import { type AccountRecord, type CredentialRecord, isBlocked } from '../../gateway/registry.ts'
import type { ActingState } from '../acting.ts'
import { html, type Html, type Page, type Said } from '../html.ts'
import type { Messages } from '../messages/en.ts'
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
  readonly done?: Said<string>
  readonly note?: Said<string>
}

/** The page of an account: its present credential and the forms that change it. */
export function profile(shown: Profile, feedback: Feedback = {}): Page {
  const wrong = feedback.faults !== undefined
  return {
    status: wrong ? 422 : 200,
    csrf: shown.csrf,
    title: messages => {
      const title = messages.profile.title(shown.scopeName)
      const before = wrong ? messages.frame.error : feedback.done?.(messages)
      return before === undefined ? title : `${before} ${title}`
    },
    main: messages => mainOf(messages, shown, feedback),
  }
}

function mainOf(messages: Messages, shown: Profile, feedback: Feedback): Html {
  const { profile: say } = messages
  const { account, scopeName } = shown
  return html`<h1>${say.heading(scopeName)}</h1>
${feedback.done && html`<p class="done" role="status">${feedback.done(messages)}</p>`}
${feedback.note && html`<p class="note" role="status">${feedback.note(messages)}</p>`}
${feedback.faults && errorSummary(messages, feedback.faults)}
<p class="lead">${say.lead(scopeName)}</p>
${shown.coming && beforeTheMove(messages, account, shown.coming)}
${shown.preparation && preparation(messages, shown, shown.preparation)}
${shown.contestedAt !== undefined && contested(messages, shown.contestedAt)}
${!shown.fresh && mayChange(shown) && signInAgain(messages, shown)}
${shown.credential && present(messages, shown, shown.credential)}
${passwordTable(messages, shown)}
${acting(messages, shown)}
${change(messages, shown, feedback)}
${!isUnclaimed(shown) && helpers(messages, shown.helpers)}
${reach(messages, shown)}
${linkedIdentities(messages, shown)}
${elsewhere(messages, shown)}`
}

function errorSummary(messages: Messages, faults: Faults): Html {
  const entries = Object.entries(faults)
  return html`<div class="summary" role="alert" tabindex="-1" autofocus aria-labelledby="summary">
<h2 id="summary">${messages.profile.notSaved}</h2>
<ul>${entries.map(([field, sentence]) => html`<li><a href="#${field}">${sentence(messages)}</a></li>`)}</ul>
</div>`
}

function present(messages: Messages, shown: Profile, credential: CredentialRecord): Html {
  const { profile: say, times } = messages
  const { username, secondary, enabled, lastUsed } = credential
  const main = mainPassword(shown)
  return html`<section class="card" aria-labelledby="present">
<div class="heading"><h2 id="present">${say.present}</h2>
<span class="badge ${enabled ? 'on' : 'off'}">${enabled ? say.on : say.off}</span></div>
<dl>
<div><dt>${say.username}</dt><dd>${username}</dd></div>
<div><dt>${say.secondary}</dt><dd>${secondary ?? html`<span class="none">${say.noSecondary}</span>`}</dd></div>
<div><dt>${say.main}</dt><dd>${
    main === undefined
      ? html`<span class="none">${say.none}</span>`
      : say.mainSet[main.how](times.moment(main.setAt))
  }</dd></div>
<div><dt>${say.lastUsed}</dt><dd>${
    lastUsed === undefined
      ? html`<span class="none">${say.notYet}</span>`
      : html`${times.moment(lastUsed.at)}<br>${say.from(lastUsed.from)}`
  }</dd></div>
</dl>
${isBlocked(credential) && html`<p class="note" role="status">${say.blocked}</p>`}
${shown.fresh && mayChange(shown) && nextSteps(messages)}
${!isBlocked(credential) && shown.fresh && switchForm(messages, shown, enabled)}
</section>`
}

function nextSteps({ profile: say }: Messages): Html {
  return html`<div class="choices"><a class="button" href="#add">${say.add}</a>
<a class="button secondary" href="#set">${say.setMain}</a></div>`
}

/** Whether the user can have passwords at all. */
function mayChange({ username, taken }: Profile): boolean {
  return username !== undefined && !taken
}

function signInAgain({ profile: say }: Messages, shown: Profile): Html {
  return html`<section class="card" aria-labelledby="again">
<h2 id="again">${say.again}</h2>
<p>${say.againWhy}</p>
<p><a class="button" href="${signInAt(shown, 'again')}">${say.signInAgain}</a></p>
</section>`
}

function switchForm({ profile: say }: Messages, shown: Profile, enabled: boolean): Html {
  return html`<form method="post" action="/_altgate/switch" class="aside">
${formOf(shown, shown.csrf)}
<input type="hidden" name="on" value="${enabled ? '0' : '1'}">
<p class="hint">${enabled ? say.offHint : say.onHint}</p>
<button class="${enabled ? 'secondary' : 'primary'}" type="submit">${enabled ? say.switchOff : say.switchOn}</button>
</form>`
}

/** Nothing works for the user before the claim, and a helper would get no password. */
function isUnclaimed({ claimable, credential }: Profile): boolean {
  return claimable && credential === undefined
}

function change(messages: Messages, shown: Profile, feedback: Feedback): Html {
  const { username, fresh, claimable } = shown
  if (username === undefined) return nameless(messages, shown)
  if (shown.taken) return taken(messages, username)
  if (!fresh) return html``
  const forms = html`${addForm(messages, shown, feedback)}${setForm(messages, shown, username, feedback)}`
  if (shown.credential?.unproved)
    return html`${claimForm(messages, shown, shown.credential.username, feedback)}${forms}`
  return claimable ? claimForm(messages, shown, username, feedback) : forms
}

/** The sign-in gave no usable address. The user may not choose one, because upstreams trust the user name. */
function nameless({ profile: say }: Messages, shown: Profile): Html {
  const other = (text: string) => html`<a href="${signInAt(shown, 'other')}">${text}</a>`
  return html`<section class="card" aria-labelledby="nameless">
<h2 id="nameless">${say.nameless}</h2>
<p>${say.namelessLead(shown.scopeName)}</p>
<p class="hint">${say.namelessNext(other)}</p>
</section>`
}

/** An address has passed from one person to another, or was claimed by someone it does not belong to. */
function taken({ profile: say }: Messages, username: Username): Html {
  return html`<section class="card" aria-labelledby="taken">
<h2 id="taken">${say.taken}</h2>
<p>${say.takenLead(html`<b>${username}</b>`)}</p>
</section>`
}

/** For the owner: the identity provider has given their name to another person as well. */
function contested({ profile: say, times }: Messages, at: Instant): Html {
  return html`<p class="note" role="status">${say.contested(times.moment(at))}</p>`
}

const mostShown = 20

function reach({ profile: say }: Messages, { account, scopeName, opens, coming }: Profile): Html {
  const shown = opens.slice(0, mostShown)
  const more = opens.length - shown.length
  const name = html`<b>${account.name}</b>`
  const list =
    scopeName.directory === undefined
      ? html`<p>${coming ? say.reachPersonalLater(name) : say.reachPersonal(name)}</p>`
      : html`<p>${say.reachDirectory(scopeName)}</p>
<ul class="names">${shown.map(each => html`<li>${each}</li>`)}${more > 0 && html`<li class="more">${say.more(more)}</li>`}${
          coming && html`<li>${say.afterItsMove(account.name)}</li>`
        }</ul>`
  return html`<section class="card" aria-labelledby="reach"><h2 id="reach">${say.reach}</h2>${list}</section>`
}

function elsewhere(messages: Messages, shown: Profile): Html {
  const { profile: say } = messages
  const { fresh, username, scopeName, sets } = shown
  const others = sets.filter(set => set.scopeName.scope !== scopeName.scope)
  return html`<section class="card" aria-labelledby="elsewhere">
<h2 id="elsewhere">${say.others}</h2>
<p>${say.othersLead}</p>
<p class="hint"><a href="/_altgate/">${say.openOther}</a></p>
${fresh && username !== undefined && signInTooForm(messages, shown)}
</section>
${others.length > 0 && ownSets(messages, sets)}`
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
export function ownSets(messages: Messages, sets: readonly OwnSet[]): Html {
  const { profile: say, scopes } = messages
  return html`<section class="card" aria-labelledby="sets">
<h2 id="sets">${say.sets}</h2>
<ul class="sets">
${sets.map(({ account: name, credential, fresh, ...set }) => {
  const place = { ...set, account: { name } }
  return html`<li>
<span><a href="${pageAt(place)}">${scopes.name(set.scopeName)}</a><br><span class="hint">${stateOf(messages, credential)}</span></span>
${!fresh && html`<a href="${signInAt(place, 'again')}">${say.signInAgainFor(set.scopeName)}</a>`}
</li>`
})}
</ul>
</section>`
}

function stateOf({ profile: say }: Messages, credential: CredentialRecord | undefined): Html | string {
  if (credential === undefined) return say.noPassword
  const { username, enabled } = credential
  if (isBlocked(credential)) return say.setBlocked(username)
  return enabled ? say.setOn(username) : say.setOff(username)
}
