import { describe } from '../../gateway/account.ts'
import type { RequestedAccount } from '../account-lookup.ts'
import type { Wanted } from '../acting.ts'
import { html, type Html, type Page } from '../html.ts'
import { signInAt } from '../scope-names.ts'
import { whatIsAskedFor } from './acting.ts'
import { beforeTheMove, moveAhead } from './moving.ts'
import { type OwnSet, ownSets } from './profile.ts'

/** The page of an account for a user who is not signed in for it. `wanted`: what the sign-in asks for. */
export function welcome(place: RequestedAccount, wanted: Wanted | undefined): Page {
  const { account, scopeName, coming } = place
  const { name, planned } = account
  return {
    status: 200,
    title: `Sign in to set credentials for ${name}`,
    main: html`<h1>Alternate credentials for <span class="name">${name}</span></h1>
<p class="lead">git and other tools access <b>${name}</b> with a user name and password of their own. Set them here.</p>
${coming && beforeTheMove(account, coming)}
<section class="card" aria-labelledby="who">
<h2 id="who">First, sign in</h2>
<dl>
<div><dt>Account</dt><dd>${name}</dd></div>
<div><dt>Signs in with</dt><dd>${describe((coming ?? { to: account.connection }).to)}${
      coming && `, after its move on ${coming.on} (UTC)`
    }</dd></div>
</dl>
<p>Sign in with ${scopeName.signInAs}. The credentials that you set then work <strong>${scopeName.reach}</strong>.</p>
${
  wanted &&
  html`<h3>What you allow by signing in</h3>
${whatIsAskedFor(wanted, scopeName)}`
}
<p><a class="button" href="${signInAt(place)}">Sign in</a></p>
</section>
${planned && coming === undefined && moveAhead(account, planned)}
<p class="hint">Wrong account? <a href="/_altgate/">Choose another one</a>.</p>`,
  }
}

/** The account name as typed, and what is wrong with it. */
export interface WrongAccount {
  readonly typed: string
  readonly sentence: string
}

/** No account was named, or one that does not exist. */
export function whichAccount(sets: readonly OwnSet[], wrong?: WrongAccount): Page {
  return {
    status: wrong === undefined ? 200 : 404,
    title: wrong === undefined ? 'Which account?' : 'Error: there is no such account',
    main: html`<h1>Which account is it for?</h1>
<p class="lead">Enter the account that git or your other tool could not access. It is part of the address, directly after
or before the name of this gateway.</p>
${accountForm(wrong)}
${sets.length > 0 && ownSets(sets)}`,
  }
}

function accountForm(wrong: WrongAccount | undefined): Html {
  const error =
    wrong &&
    html`<p class="error" id="account-error"><span class="visually-hidden">Error:</span> ${wrong.sentence}</p>`
  return html`<form class="card" method="get" action="/_altgate/" novalidate>
<div class="field${wrong && ' wrong'}">
<label for="account">Account</label>
<p class="hint" id="account-hint">For example <code>fabrikam</code>.</p>
${error}
<input id="account" name="account" value="${wrong?.typed}" autocomplete="organization" autocapitalize="none"
 spellcheck="false" required aria-describedby="account-hint${wrong && ' account-error'}"${
   wrong && html` aria-invalid="true" autofocus`
 }>
</div>
<button type="submit">Continue</button>
</form>`
}

/** After signing out. */
export const goodbye: Page = {
  status: 200,
  title: 'Signed out',
  main: html`<h1>You are signed out here</h1>
<p class="lead">This browser may still be signed in to the sign-in service. On a shared computer, sign out there as well,
or close all browser windows.</p>
<p><a href="/_altgate/">Go to the start page</a></p>`,
}
