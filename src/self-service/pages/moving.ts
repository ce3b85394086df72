import { pageOf, type PlannedMove } from '../../gateway/account.ts'
import type { AccountName } from '../../gateway/names.ts'
import type { CredentialRecord } from '../../gateway/registry.ts'
import { html, Html, type Page } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { formOf, pageAt, type Place, scopeNameOf, signInAt } from '../scope-names.ts'

/** What a user of an account that is about to move has for the time after it. */
export interface Preparation {
  readonly planned: PlannedMove
  /** Whether this session is signed in for the coming scope. */
  readonly signedIn: boolean
  /** The user's credential there, as far as it is known who the user is there. */
  readonly credential: CredentialRecord | undefined
}

/** The same account's page for the scope that it moves to. */
function placeAfter({ name }: { readonly name: AccountName }, planned: PlannedMove): Place {
  return { account: { name }, scopeName: scopeNameOf(planned.to), coming: planned }
}

/** Nothing moves by itself: an operator who is late would otherwise look like a fault. */
function announcement({ moving: say, times }: Messages, name: AccountName, { to, on }: PlannedMove): Html {
  return html`<h2 id="move">${say.heading(name, times.day(on))}</h2>
<p>${say.lead(html`<b>${name}</b>`, scopeNameOf(to))}</p>`
}

/** For a user who is not signed in. */
export function moveAhead(
  messages: Messages,
  account: { readonly name: AccountName },
  planned: PlannedMove,
): Html {
  const { moving: say } = messages
  return html`<section class="card" aria-labelledby="move">
${announcement(messages, account.name, planned)}
<p><a class="button" href="${signInAt(placeAfter(account, planned))}">${say.prepare}</a></p>
<p class="hint">${say.signInWith(scopeNameOf(planned.to))}</p>
</section>`
}

/** The same below a page that says what is in the way now. */
export function withMoveAhead(
  page: Page,
  account: { readonly name: AccountName },
  planned: PlannedMove,
): Page {
  const { main } = page
  return {
    ...page,
    main: messages =>
      html`${main instanceof Html ? main : main(messages)}${moveAhead(messages, account, planned)}`,
  }
}

/** For a user who is signed in for the present scope. Keeping both sign-ins in one session lets the user link them. */
export function preparation(
  messages: Messages,
  shown: Place & { readonly csrf: string; readonly fresh: boolean },
  { planned, signedIn, credential }: Preparation,
): Html {
  const { moving: say } = messages
  const { account, csrf, fresh } = shown
  const after = placeAfter(account, planned)
  const scope = scopeNameOf(planned.to)
  const isReady = credential?.enabled === true
  const badge = html`<span class="badge ${isReady ? 'on' : 'off'}">${isReady ? say.ready : say.notReady}</span>`
  return html`<section class="card" aria-labelledby="move">
${announcement(messages, account.name, planned)}
<p>${badge} ${
    isReady
      ? say.readyNext(html`<b>${credential.username}</b>`, scope)
      : credential === undefined
        ? say.notReadyNext(scope)
        : say.readyButOff(scope)
  }</p>
${
  signedIn
    ? html`<p><a class="button" href="${pageAt(after)}">${say.there(scope)}</a></p>`
    : fresh
      ? html`<form method="post" action="/_altgate/sign-in-too" class="aside">
${formOf(shown, csrf)}
<input type="hidden" name="also" value="${account.name}">
<input type="hidden" name="also-scope" value="${after.scopeName.scope}">
<button type="submit">${say.prepare}</button>
</form>`
      : html`<p><a class="button" href="${signInAt(after)}">${say.prepare}</a></p>`
}
</section>`
}

/** At the top of the page for the coming scope: what is set there does not count here yet. */
export function beforeTheMove(
  { moving: say, times }: Messages,
  { name }: { readonly name: AccountName },
  { on }: PlannedMove,
): Html {
  const present = (text: string) => html`<a href="${pageOf(name)}">${text}</a>`
  return html`<p class="note" role="status">${say.ahead(html`<b>${name}</b>`, times.day(on), present)}</p>`
}

/** Instead of how to use a new password in tools, which would be refused there today. */
export function useAfterTheMove(
  { moving: say, times }: Messages,
  account: AccountName,
  { on }: PlannedMove,
): Html {
  return html`<section class="card" aria-labelledby="use">
<h2 id="use">${say.keep}</h2>
<p>${say.keepHow(html`<b>${account}</b>`, times.day(on))}</p>
</section>`
}
