import type { AccountName } from '../../gateway/names.ts'
import type { CredentialRecord } from '../../gateway/registry.ts'
import { html, type Html } from '../html.ts'
import { signInFor, type Place } from '../places.ts'

/** One person's credentials in one scope, if they have any there. */
export interface OwnSet {
  readonly place: Place
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
  ({ place, account, credential, fresh }) => html`<li>
<span><a href="${pageOf(account)}">${place.name}</a><br><span class="hint">${stateOf(credential)}</span></span>
${!fresh && html`<a href="${signInFor(account, 'again')}">Sign in again<span class="visually-hidden"> for ${place.name}</span></a>`}
</li>`,
)}
</ul>
</section>`
}

function stateOf(credential: CredentialRecord | undefined): string {
  if (credential === undefined) return 'nothing set yet'
  return `${credential.username}, ${credential.enabled ? 'switched on' : 'switched off'}`
}
