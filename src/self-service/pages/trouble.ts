import { pageOf } from '../../gateway/account.ts'
import type { AccountName, Username } from '../../gateway/names.ts'
import type { InDoubt } from '../../gateway/outage.ts'
import type { Failing } from '../context.ts'
import { html, type Html, type Page } from '../html.ts'
import { type ScopeName, signInFor } from '../scope-names.ts'

/** A page that says what is wrong and what to do about it. */
function trouble(status: number, title: string, ...main: readonly Html[]): Page {
  return { status, title, main: html`<h1>${title}</h1>${main}` }
}

const home = html`<p><a href="/_altgate/">To the first page</a></p>`

/** An identity provider let us down. */
export function providerTrouble(failing: Failing): Page {
  const words: Readonly<Record<Failing, string>> = {
    unreachable: 'The sign-in service could not be reached.',
    slow: 'The sign-in service did not answer in time.',
    nonsense: 'The sign-in service gave an answer that cannot be trusted.',
  }
  return {
    ...trouble(
      failing === 'slow' ? 504 : 502,
      'Signing in does not work right now',
      html`<p class="lead">${words[failing]} Nothing was changed, and your present password goes on working.</p>
<p>Try again in a moment. If it stays like this, tell your operator the reference below.</p>`,
      home,
    ),
    reference: true,
  }
}

/** The store, or another part of the gateway, is down. */
export function outOfOrder(retryAfter: number): Page {
  return {
    ...trouble(
      503,
      'This page does not work right now',
      html`<p class="lead">A part of the gateway is out of order. Nothing was changed.</p>
<p>Try again in a moment. If it stays like this, tell your operator the reference below.</p>`,
    ),
    retryAfter,
    reference: true,
  }
}

/** The store failed at the end of a change. */
export function inDoubt(made: InDoubt['made']): Page {
  const generated = html`<p>If a password was to be generated, it can no longer be shown: open the page of your account and
have another one generated.</p>`
  const page =
    made === 'made'
      ? trouble(
          503,
          'It is saved, but cannot be shown',
          html`<p class="lead">What you sent is saved. Some gateways may go by what was before for some seconds more.</p>`,
          generated,
          home,
        )
      : trouble(
          503,
          'It may have been saved',
          html`<p class="lead">What you sent may or may not be saved: the store did not say so in time.</p>
<p>The page of your account shows how it is. If you typed a new password, try it first; if it is refused, the one before
still counts.</p>`,
          generated,
          home,
        )
  return { ...page, reference: true }
}

/** All hash lanes are taken. */
export function busy(account: AccountName): Page {
  return {
    ...trouble(
      503,
      'Too much to do right now',
      html`<p class="lead">The gateway has too much to do to keep a password right now. Nothing was changed.</p>
<p><a class="button" href="${pageOf(account)}">Go back and try again</a></p>`,
    ),
    retryAfter: 5,
    reference: true,
  }
}

export function tooMuch(retryAfter: number): Page {
  const wait = Math.max(1, retryAfter)
  return {
    ...trouble(
      429,
      'Too many requests',
      html`<p class="lead">That was a lot in a short time. Nothing was changed.</p>
<p>Try again in ${wait === 1 ? 'one second' : wait < 120 ? `${wait} seconds` : `${Math.ceil(wait / 60)} minutes`}.</p>`,
    ),
    retryAfter: wait,
  }
}

export const noSuchPage = trouble(
  404,
  'There is no such page',
  html`<p class="lead">Check the address.</p>`,
  home,
)

export const notUnderstood = trouble(
  400,
  'This request was not understood',
  html`<p class="lead">The address or the form cannot be read. Nothing was changed.</p>`,
  home,
)

export const tooLarge = trouble(
  413,
  'That is too long',
  html`<p class="lead">The form holds more than any password or user name can have. Nothing was changed.</p>`,
  home,
)

export const wrongType = trouble(
  415,
  'This form was sent in a wrong way',
  html`<p class="lead">Forms come here as <code>application/x-www-form-urlencoded</code>, in UTF-8. Nothing was changed.</p>`,
  home,
)

export const plainHttp = trouble(
  403,
  'Use https',
  html`<p class="lead">Plain http shows your password to everybody on its way. Nothing was changed.</p>`,
)

/** The form did not come from a page of this session. */
export const notFromHere = trouble(
  403,
  'This form is not from here, or no longer valid',
  html`<p class="lead">Nothing was changed. You may have signed in or out in another tab since the form was shown.</p>
<p>Open the page again and fill in the form there.</p>`,
  home,
)

/** A change was asked for by somebody who is not signed in for it. */
export function signedOut(account: AccountName, scopeName: ScopeName): Page {
  return trouble(
    403,
    'Your sign-in has ended',
    html`<p class="lead">Nothing was changed. Sign in with ${scopeName.signInAs} and send the form again.</p>
<p><a class="button" href="${signInFor(account)}">Sign in</a></p>`,
  )
}

/** The sign-in is too old for a change. */
export function stale(account: AccountName): Page {
  return trouble(
    403,
    'Sign in once more',
    html`<p class="lead">Nothing was changed. A change needs a recent sign-in, and yours was some time ago.</p>
<p><a class="button" href="${signInFor(account, 'again')}">Sign in again</a></p>`,
  )
}

export const signInLost = trouble(
  400,
  'This sign-in cannot go on',
  html`<p class="lead">It took too long, has been used already, or began in another browser. Nothing was changed.</p>
<p>Begin again from the page of your account.</p>`,
  home,
)

export function declined(account: AccountName): Page {
  return trouble(
    403,
    'You are not signed in',
    html`<p class="lead">The sign-in was called off, or the sign-in service did not let you in. Nothing was changed.</p>
<p><a class="button" href="${signInFor(account, 'other')}">Try again</a></p>`,
  )
}

/** Somebody of another directory. Which one is theirs is nobody's business here. */
export function wrongDirectory(account: AccountName, scopeName: ScopeName): Page {
  return trouble(
    403,
    'That was another account',
    html`<p class="lead">The account <b>${account}</b> needs ${scopeName.signInAs}, and you signed in as somebody else.</p>
<p>Choose ${scopeName.signInAs}${scopeName.scope === 'msa' ? '' : ': usually your work or school address'}. In case the browser picks
the wrong one by itself, use a private window.</p>
<p><a class="button" href="${signInFor(account, 'other')}">Choose another account</a></p>`,
  )
}

/** The name that the sign-in gives is somebody else's credential: it may have changed hands. */
export function nameTaken(scopeName: ScopeName, username: Username): Page {
  return {
    ...trouble(
      409,
      'Your user name is taken',
      html`<p class="lead">Somebody else has the credentials of <b>${username}</b> ${scopeName.reach}. Nothing was changed.</p>
<p>That happens when an address passes from one person to another. Only your operator can put it right.</p>`,
    ),
    reference: true,
  }
}

/** Nobody has set up where these people sign in. */
export function noAuthority(account: AccountName, scopeName: ScopeName, setting: string): Page {
  const command = `altgate credential set --scope ${scopeName.scope} --user NAME --generate`
  return trouble(
    503,
    'Signing in is not set up',
    html`<p class="lead">The account <b>${account}</b> needs ${scopeName.signInAs}, but this gateway does not know where such
people sign in. Ask your operator.</p>
<h2>For the operator</h2>
<p>Set <code>${setting}</code> in the settings. Until then this command sets a password for somebody:</p>
<pre><code>${command}</code></pre>`,
  )
}
