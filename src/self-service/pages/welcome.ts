import type { RequestedAccount } from '../account-lookup.ts'
import type { Wanted } from '../acting.ts'
import { html, type Html, type Page, type Said } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { signInAt } from '../scope-names.ts'
import { whatIsAskedFor } from './acting.ts'
import { field } from './fields.ts'
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
${coming !== undefined && coming !== true && beforeTheMove(messages, account, coming)}
<section class="card" aria-labelledby="who">
<h2 id="who">${say.first}</h2>
<p>${say.where}</p>
${wanted && html`<h3>${say.allowed}</h3>\n${whatIsAskedFor(messages, wanted, say.yourDirectory)}`}
<p><a class="button" href="${signInAt(place)}">${say.signIn}</a></p>
</section>
${planned && coming === undefined && moveAhead(messages, account, planned)}
<p class="hint">${say.wrong} <a href="/_altgate/">${say.other}</a>.</p>`
  }
  return { status: 200, title: ({ welcome: say }) => say.title(name), main }
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
${sets.length > 0 && ownSets(messages, sets)}`
  return {
    status: wrong === undefined ? 200 : 404,
    title: ({ welcome: say }) => (wrong === undefined ? say.which : say.noSuch),
    main,
  }
}

function accountForm(messages: Messages, wrong: WrongAccount | undefined): Html {
  return html`<form class="card" method="get" action="/_altgate/" novalidate>
${accountField(messages, wrong?.typed, wrong?.sentence)}
<button type="submit">${messages.welcome.go}</button>
</form>`
}

/** The field for the name of an account. */
export function accountField(
  messages: Messages,
  typed: string | undefined,
  fault: Said<string> | undefined,
): Html {
  const { welcome: say } = messages
  return field(messages, {
    name: 'account',
    label: say.account,
    hint: say.example(html`<code>fabrikam</code>`),
    fault,
    input: html`value="${typed}" autocomplete="organization" autocapitalize="none" spellcheck="false" required${
      fault && html` autofocus`
    }`,
  })
}

/** After signing out. */
export const goodbye: Page = {
  status: 200,
  title: ({ welcome: say }) => say.goodbye,
  main: ({ welcome: say, frame }) => html`<h1>${say.goodbyeHeading}</h1>
<p class="lead">${say.goodbyeLead}</p>
<p><a href="/_altgate/">${frame.home}</a></p>`,
}
