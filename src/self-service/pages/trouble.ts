import type { AccountName, Username } from '../../gateway/names.ts'
import type { InDoubt } from '../../gateway/outage.ts'
import type { Failing } from '../context.ts'
import { html, type Html, type Page } from '../html.ts'
import { pageAt, type Place, type ScopeName, signInAt, signInOnly } from '../scope-names.ts'

/** A page that says what went wrong and what to do next. */
function trouble(status: number, title: string, ...main: readonly Html[]): Page {
  return { status, title, main: html`<h1>${title}</h1>${main}` }
}

const home = html`<p><a href="/_altgate/">Go to the start page</a></p>`

/** An identity provider failed. */
export function providerTrouble(failing: Failing): Page {
  const words: Readonly<Record<Failing, string>> = {
    unreachable: 'The sign-in service could not be reached.',
    slow: 'The sign-in service did not answer in time.',
    nonsense: 'The sign-in service returned an invalid response.',
  }
  return {
    ...trouble(
      failing === 'slow' ? 504 : 502,
      'Sign-in is temporarily unavailable',
      html`<p class="lead">${words[failing]} Nothing was changed, and your current password still works.</p>
<p>Try again in a moment. If this persists, give your operator the reference below.</p>`,
      home,
    ),
    reference: true,
  }
}

/** The store, or another part of the gateway, is down. */
export function partUnavailable(retryAfter: number): Page {
  return {
    ...trouble(
      503,
      'This page is temporarily unavailable',
      html`<p class="lead">A part of the gateway is unavailable. Nothing was changed.</p>
<p>Try again in a moment. If this persists, give your operator the reference below.</p>`,
    ),
    retryAfter,
    reference: true,
  }
}

/** The store failed while a change was being committed or shown. */
export function inDoubt(made: InDoubt['made']): Page {
  const generated = html`<p>If you asked for a generated password, it can no longer be shown. Open your account’s page, revoke it
there if it is listed, and generate another one.</p>`
  const page =
    made === 'made'
      ? trouble(
          503,
          'Saved, but the result cannot be shown',
          html`<p class="lead">Your change was saved. Some gateways may use the previous state for a few more seconds.</p>`,
          generated,
          home,
        )
      : trouble(
          503,
          'Your change may have been saved',
          html`<p class="lead">The store did not confirm your change in time, so it may or may not have been saved.</p>
<p>Your account’s page shows the current state. If you chose a new password, try it first; if it is refused, the previous
one is still valid.</p>`,
          generated,
          home,
        )
  return { ...page, reference: true }
}

/** The hash queue is full. */
export function busy(place: Place): Page {
  return {
    ...trouble(
      503,
      'The gateway is overloaded',
      html`<p class="lead">The gateway is too busy to process a password right now. Nothing was changed.</p>
<p><a class="button" href="${pageAt(place)}">Go back and try again</a></p>`,
    ),
    retryAfter: 5,
    reference: true,
  }
}

export function tooManyRequests(retryAfter: number): Page {
  const wait = Math.max(1, retryAfter)
  return {
    ...trouble(
      429,
      'Too many requests',
      html`<p class="lead">Too many requests arrived in a short time. Nothing was changed.</p>
<p>Try again in ${wait === 1 ? 'one second' : wait < 120 ? `${wait} seconds` : `${Math.ceil(wait / 60)} minutes`}.</p>`,
    ),
    retryAfter: wait,
  }
}

export const noSuchPage = trouble(404, 'Page not found', html`<p class="lead">Check the address.</p>`, home)

export const notUnderstood = trouble(
  400,
  'This request was not understood',
  html`<p class="lead">The address or the form could not be read. Nothing was changed.</p>`,
  home,
)

export const tooLarge = trouble(
  413,
  'The form is too large',
  html`<p class="lead">The form contains more than a valid user name and password can. Nothing was changed.</p>`,
  home,
)

export const wrongType = trouble(
  415,
  'The form has an unsupported type',
  html`<p class="lead">Forms must be sent as <code>application/x-www-form-urlencoded</code> in UTF-8. Nothing was changed.</p>`,
  home,
)

export const plainHttp = trouble(
  403,
  'Use https',
  html`<p class="lead">Plain http would expose your password in transit. Nothing was changed.</p>`,
)

/** The form was not sent from a page of this session. */
export const notFromHere = trouble(
  403,
  'This form is not valid, or no longer valid',
  html`<p class="lead">Nothing was changed. You may have signed in or out in another tab since you opened the form.</p>
<p>Open the page again and fill in the form there.</p>`,
  home,
)

/** A change was requested without a sign-in for the account. */
export function signedOut(place: Place & { readonly scopeName: ScopeName }): Page {
  return trouble(
    403,
    'Your sign-in has ended',
    html`<p class="lead">Nothing was changed. Sign in with ${place.scopeName.signInAs} and submit the form again.</p>
<p><a class="button" href="${signInAt(place)}">Sign in</a></p>`,
  )
}

/** The sign-in is too old for a change. */
export function stale(place: Place): Page {
  return trouble(
    403,
    'Sign in again',
    html`<p class="lead">Nothing was changed. Changes require a recent sign-in, and yours was some time ago.</p>
<p><a class="button" href="${signInAt(place, 'again')}">Sign in again</a></p>`,
  )
}

/** The form or link is for a scope that the account does not sign in with, and that no move leads to. */
export function elsewhereNow(account: AccountName, scopeName: ScopeName): Page {
  const place = { account: { name: account }, scopeName }
  return trouble(
    409,
    'This account has changed',
    html`<p class="lead">The account <b>${account}</b> signs in with ${scopeName.signInAs} now: it has moved, or a planned move
was changed or cancelled. Nothing was changed here.</p>
<p><a class="button" href="${pageAt(place)}">Open its page</a></p>`,
  )
}

export const signInLost = trouble(
  400,
  'This sign-in cannot be completed',
  html`<p class="lead">It took too long, has already been used, or was started in another browser. Nothing was changed.</p>
<p>Start again from your account’s page.</p>`,
  home,
)

/** `asked`: the sign-in asked for more than who the user is, which may be why it was denied. */
export function declined(place: Place, asked: boolean): Page {
  return trouble(
    403,
    'You are not signed in',
    html`<p class="lead">The sign-in was cancelled, or the sign-in service denied it. Nothing was changed.</p>
<p><a class="button" href="${signInAt(place, 'other')}">Try again</a></p>
${
  asked &&
  html`<p>If the sign-in service says that an administrator must approve this gateway, ask your operator. Until then you can
<a href="${signInOnly(place)}">sign in only to set your password</a>.</p>`
}`,
  )
}

/** The user signed in to another directory. The page does not say to which one. */
export function wrongDirectory(place: Place & { readonly scopeName: ScopeName }): Page {
  const { account, scopeName } = place
  return trouble(
    403,
    'You signed in with a different account',
    html`<p class="lead">The account <b>${account.name}</b> requires ${scopeName.signInAs}, but you signed in with a different one.</p>
<p>Choose ${scopeName.signInAs}${scopeName.scope === 'msa' ? '' : ': usually your work or school address'}. If your browser chooses
the wrong one automatically, use a private window.</p>
<p><a class="button" href="${signInAt(place, 'other')}">Choose another account</a></p>`,
  )
}

/** The user name from the sign-in belongs to another person's credential: the address may have changed hands. */
export function nameTaken(scopeName: ScopeName, username: Username): Page {
  return {
    ...trouble(
      409,
      'Your user name is taken',
      html`<p class="lead">Another person has the credentials for <b>${username}</b> ${scopeName.reach}. Nothing was changed.</p>
<p>This can happen when an e-mail address passes from one person to another. Only your operator can resolve it.</p>`,
    ),
    reference: true,
  }
}

/** No identity provider is configured for this scope. */
export function noAuthority(account: AccountName, scopeName: ScopeName, setting: string): Page {
  const command = `altgate credential set --scope ${scopeName.scope} --user NAME --generate`
  return trouble(
    503,
    'Sign-in is not configured',
    html`<p class="lead">The account <b>${account}</b> requires ${scopeName.signInAs}, but no sign-in service is configured for it.
Ask your operator.</p>
<h2>For the operator</h2>
<p>Set <code>${setting}</code> in the settings. Until then, this command sets a user’s password:</p>
<pre><code>${command}</code></pre>`,
  )
}
