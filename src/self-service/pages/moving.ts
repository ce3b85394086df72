import { describe, pageOf, type PlannedMove } from '../../gateway/account.ts'
import type { AccountName } from '../../gateway/names.ts'
import type { CredentialRecord } from '../../gateway/registry.ts'
import { html, Html, type Page } from '../html.ts'
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
function announcement(name: AccountName, { to, on }: PlannedMove): Html {
  return html`<h2 id="move">${name} moves on ${on}</h2>
<p>Your operator plans to move <b>${name}</b> on that day (UTC). From then on it signs in with ${describe(to)}, and accepts the
credentials that you set for ${scopeNameOf(to).name}. Until your operator moves it, everything stays as it is.</p>`
}

/** For a user who is not signed in. */
export function moveAhead(account: { readonly name: AccountName }, planned: PlannedMove): Html {
  return html`<section class="card" aria-labelledby="move">
${announcement(account.name, planned)}
<p><a class="button" href="${signInAt(placeAfter(account, planned))}">Prepare for the move</a></p>
<p class="hint">Sign in with ${scopeNameOf(planned.to).signInAs}.</p>
</section>`
}

/** The same below a page that says what is in the way now. */
export function withMoveAhead(
  page: Page,
  account: { readonly name: AccountName },
  planned: PlannedMove,
): Page {
  const { main } = page
  const ahead = moveAhead(account, planned)
  return { ...page, main: main instanceof Html ? html`${main}${ahead}` : say => html`${main(say)}${ahead}` }
}

/** For a user who is signed in for the present scope. Keeping both sign-ins in one session lets the user link them. */
export function preparation(
  shown: Place & { readonly csrf: string; readonly fresh: boolean },
  { planned, signedIn, credential }: Preparation,
): Html {
  const { account, csrf, fresh } = shown
  const after = placeAfter(account, planned)
  const { name } = scopeNameOf(planned.to)
  const isReady = credential?.enabled === true
  const badge = html`<span class="badge ${isReady ? 'on' : 'off'}">${isReady ? 'You are ready' : 'Not prepared yet'}</span>`
  return html`<section class="card" aria-labelledby="move">
${announcement(account.name, planned)}
<p>${badge} ${
    isReady
      ? html`After the move, use the credentials of <b>${credential.username}</b> for ${name}.`
      : credential === undefined
        ? html`Set a password for ${name} before then, and give it to your tools when it moves.`
        : html`Your credentials for ${name} are switched off.`
  }</p>
${
  signedIn
    ? html`<p><a class="button" href="${pageAt(after)}">Your credentials for ${name}</a></p>`
    : fresh
      ? html`<form method="post" action="/_altgate/sign-in-too" class="aside">
${formOf(shown, csrf)}
<input type="hidden" name="also" value="${account.name}">
<input type="hidden" name="also-scope" value="${after.scopeName.scope}">
<button type="submit">Prepare for the move</button>
</form>`
      : html`<p><a class="button" href="${signInAt(after)}">Prepare for the move</a></p>`
}
</section>`
}

/** At the top of the page for the coming scope: what is set there does not count here yet. */
export function beforeTheMove(account: { readonly name: AccountName }, { on }: PlannedMove): Html {
  return html`<p class="note" role="status">You are preparing for the move of <b>${account.name}</b>, which is planned for ${on}
(UTC). It does not accept these credentials before your operator moves it. Until then, keep using
<a href="${pageOf(account.name)}">your present ones</a>.</p>`
}

/** Instead of how to use a new password in tools, which would be refused there today. */
export function useAfterTheMove(account: AccountName, { on }: PlannedMove): Html {
  return html`<section class="card" aria-labelledby="use">
<h2 id="use">Keep it for the move</h2>
<p><b>${account}</b> accepts this password once it has moved, which is planned for ${on} (UTC). Keep it in a password manager
until then, and do not enter it in your tools for <b>${account}</b> yet: they would be refused.</p>
</section>`
}
