import type { RequestedAccount } from '../account-lookup.ts'
import type { Wanted } from '../acting.ts'
import { html, type Html, type Page, type Said } from '../html.ts'
import { en, type Messages } from '../messages/en.ts'
import { signInAt } from '../scope-names.ts'
import { whatIsAskedFor } from './acting.ts'
import { beforeTheMove, moveAhead } from './moving.ts'
import { type OwnSet, ownSets } from './profile.ts'

/**
 * The page of an account for a user who is not signed in for it. Unknown clients see it, so it is the same for every name, known
 * or not, and says nothing of what the account is connected to. `wanted`: what the sign-in asks for.
 */
export function welcome(place: RequestedAccount, wanted: Wanted | undefined): Page {
  const { account, coming } = place
  const { name, planned } = account
  const main = (messages: Messages): Html => {
    const { welcome: say } = messages
    return html`<h1>${say.heading(html`<span class="name">${name}</span>`)}</h1>
<p class="lead">${say.lead(html`<b>${name}</b>`)}</p>
${coming !== undefined && coming !== true && beforeTheMove(account, coming)}
<section class="card" aria-labelledby="who">
<h2 id="who">${say.first}</h2>
<p>${say.where}</p>
${wanted && html`<h3>${say.allowed}</h3>\n${whatIsAskedFor(wanted, say.yourDirectory)}`}
<p><a class="button" href="${signInAt(place)}">${say.signIn}</a></p>
</section>
${planned && coming === undefined && moveAhead(account, planned)}
<p class="hint">${say.wrong} <a href="/_altgate/">${say.other}</a>.</p>`
  }
  // What is said of moves and of what a sign-in allows is not in the message files yet.
  const isWhole = wanted === undefined && planned === undefined && coming === undefined
  return { status: 200, title: ({ welcome: say }) => say.title(name), main: isWhole ? main : main(en) }
}

/** The account name as typed, and what is wrong with it. */
export interface WrongAccount {
  readonly typed: string
  readonly sentence: Said<string>
}

/** No account was named, or one that does not exist. */
export function whichAccount(sets: readonly OwnSet[], wrong?: WrongAccount): Page {
  const main = (messages: Messages): Html => html`<h1>${messages.welcome.whichHeading}</h1>
<p class="lead">${messages.welcome.whichLead}</p>
${accountForm(messages, wrong)}
${sets.length > 0 && ownSets(sets)}`
  return {
    status: wrong === undefined ? 200 : 404,
    title: ({ welcome: say }) => (wrong === undefined ? say.which : say.noSuch),
    main: sets.length === 0 ? main : main(en),
  }
}

function accountForm(messages: Messages, wrong: WrongAccount | undefined): Html {
  const { welcome: say, frame } = messages
  const error =
    wrong &&
    html`<p class="error" id="account-error"><span class="visually-hidden">${frame.error}</span> ${wrong.sentence(messages)}</p>`
  return html`<form class="card" method="get" action="/_altgate/" novalidate>
<div class="field${wrong && ' wrong'}">
<label for="account">${say.account}</label>
<p class="hint" id="account-hint">${say.example(html`<code>fabrikam</code>`)}</p>
${error}
<input id="account" name="account" value="${wrong?.typed}" autocomplete="organization" autocapitalize="none"
 spellcheck="false" required aria-describedby="account-hint${wrong && ' account-error'}"${
   wrong && html` aria-invalid="true" autofocus`
 }>
</div>
<button type="submit">${say.go}</button>
</form>`
}

/** After signing out. */
export const goodbye: Page = {
  status: 200,
  title: ({ welcome: say }) => say.goodbye,
  main: ({ welcome: say, frame }) => html`<h1>${say.goodbyeHeading}</h1>
<p class="lead">${say.goodbyeLead}</p>
<p><a href="/_altgate/">${frame.home}</a></p>`,
}
