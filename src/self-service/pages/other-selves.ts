import type { AccountName } from '../../gateway/names.ts'
import { html, type Html } from '../html.ts'
import type { Page } from '../page.ts'
import { pageOf, type Place } from '../places.ts'
import type { Identity } from '../session.ts'

/** Somebody else whom this person has signed in as, in the same session. */
export interface OtherSelf {
  readonly identity: Identity
  readonly place: Place
  /** Whether that sign-in is recent enough for changes. */
  readonly fresh: boolean
  /** Whether it is known that both are one. */
  readonly linked: boolean
}

/** What a page must know to ask. */
export interface Asking {
  readonly account: { readonly name: AccountName }
  readonly place: Place
  readonly csrf: string
  readonly fresh: boolean
  readonly others: readonly OtherSelf[]
}

/** Asks whether both are one person, which carries them over a move that is bridged. */
export function otherSelves(asking: Asking): Html | false {
  if (asking.others.length === 0) return false
  return html`<section class="card" aria-labelledby="selves">
<h2 id="selves">Are you one person?</h2>
<p>You have signed in here for ${asking.place.name}, and elsewhere too. When an account moves from one to the other, its
operator can let those who are known in both go on with their old password for some hours.</p>
<ul class="sets">
${asking.others.map(
  other => html`<li><span>${other.place.name}<br><span class="hint">${nameOf(other)}</span></span>
${answer(asking, other)}</li>`,
)}
</ul>
</section>`
}

function nameOf({ identity, linked }: OtherSelf): string {
  const name = identity.username ?? 'signed in without a name'
  return linked ? `${name}, known to be you` : name
}

function answer({ account, csrf, fresh }: Asking, { place, identity, ...other }: OtherSelf): Html | false {
  if (other.linked || !fresh) return false
  if (!other.fresh)
    return html`<form method="post" action="/_altgate/sign-in-too">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="also" value="${identity.account}">
<button class="secondary" type="submit">Sign in again<span class="visually-hidden"> for ${place.name}</span></button>
</form>`
  return html`<form method="post" action="/_altgate/link">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="with" value="${place.scope}">
<button class="secondary" type="submit">This is me, too<span class="visually-hidden"> (${place.name})</span></button>
</form>`
}

/** Asks for one more sign-in that is kept beside this one. */
export function signInTooForm({ account, csrf }: Pick<Asking, 'account' | 'csrf'>): Html {
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
export function goOn(from: AccountName, place: Place, to: URL): Page {
  return {
    status: 200,
    title: `Sign in for ${place.name}, too`,
    main: html`<h1>Sign in for ${place.name}, too</h1>
<p class="lead">Sign in with ${place.person}. Your sign-in from before is kept beside it.</p>
<p><a class="button" href="${to.href}">Go on</a></p>
<p class="hint"><a href="${pageOf(from)}">Back, without it</a></p>`,
  }
}
