import { pageOf } from '../../gateway/account.ts'
import type { AccountRecord } from '../../gateway/registry.ts'
import { html, type Html, type Page } from '../html.ts'
import { scopeNameOf, signInFor, signsInWith } from '../scope-names.ts'
import { type OwnSet, ownSets } from './profile.ts'

/** An account, for somebody who is not signed in for it. */
export function welcome({ name, connection }: AccountRecord): Page {
  const scopeName = scopeNameOf(connection)
  return {
    status: 200,
    title: `Sign in to set credentials for ${name}`,
    main: html`<h1>Alternate credentials for <span class="name">${name}</span></h1>
<p class="lead">git and other tools open <b>${name}</b> with a user name and a password of their own. You set them here.</p>
<section class="card" aria-labelledby="who">
<h2 id="who">First, show who you are</h2>
<dl>
<div><dt>Account</dt><dd>${name}</dd></div>
<div><dt>Signs in with</dt><dd>${signsInWith(connection)}</dd></div>
</dl>
<p>Sign in with ${scopeName.signInAs}. What you set then counts <strong>${scopeName.reach}</strong>.</p>
<p><a class="button" href="${signInFor(name)}">Sign in</a></p>
</section>
<p class="hint">Not the account you mean? <a href="/_altgate/">Name another one</a>.</p>`,
  }
}

/** What was typed as an account, and what is wrong with it. */
export interface WrongAccount {
  readonly typed: string
  readonly sentence: string
}

/** No account was named, or none that is there. */
export function whichAccount(sets: readonly OwnSet[], wrong?: WrongAccount): Page {
  return {
    status: wrong === undefined ? 200 : 404,
    title: wrong === undefined ? 'Which account?' : 'Error: there is no such account',
    main: html`<h1>Which account is it for?</h1>
<p class="lead">Name the account that git or your other tool could not open. It stands in the address, right behind the
name of this gateway or in front of it.</p>
${accountForm(wrong)}
${sets.length > 0 && ownSets(sets, pageOf)}`,
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
<p class="lead">This browser may still be signed in at the sign-in service itself. On a computer that others use, sign out
there too, or close all windows of the browser.</p>
<p><a href="/_altgate/">To the first page</a></p>`,
}
