import type { Username } from '../../gateway/names.ts'
import type { CredentialRecord } from '../../gateway/registry.ts'
import { html, type Html, type Page } from '../html.ts'
import type { Act } from './acts.ts'

/** For a user who is not signed in. `lost`: the form that was sent did nothing. */
export function welcome(
  directories: readonly { readonly id: string; readonly name: string }[],
  lost: boolean,
): Page {
  return {
    status: lost ? 403 : 200,
    console: true,
    title: lost ? 'Sign in again' : 'Sign in to the console',
    main: html`<h1>${lost ? 'Sign in again' : 'Sign in to the console'}</h1>
${lost && html`<p class="note" role="status">Your session has ended. Nothing was changed.</p>`}
<p class="lead">The console is for people who help users of this gateway.</p>
<section class="card" aria-labelledby="where">
<h2 id="where">Where do you sign in?</h2>
${directories.map(
  ({ id, name }) =>
    html`<p><a class="button" href="/_altgate/admin/sign-in?directory=${id}">Sign in with ${name}</a></p>`,
)}
</section>
<p class="hint">Do you want to set your own password? <a href="/_altgate/">Go to the page for users</a>.</p>`,
  }
}

/** For a user who is not named in the settings. It says nothing of who is named. `overage`: the token lists no groups. */
export function notNamed(again: string, overage: boolean): Page {
  return {
    status: 403,
    console: true,
    title: 'You may not use the console',
    main: html`<h1>You may not use the console</h1>
<p class="lead">You are signed in, but your operator has not given you access to this page.</p>
${
  overage &&
  html`<p>Your directory did not say which groups you are in, because you are in too many. Ask your operator to name you, or to let
the app registration give only the groups that are assigned to it.</p>`
}
<p><a class="button" href="${again}">Sign in with another account</a></p>
<p class="hint">Do you want to set your own password? <a href="/_altgate/">Go to the page for users</a>.</p>`,
  }
}

/** Shown to a helper who was blocked by an operator or another helper. */
export const blocked: Page = {
  status: 403,
  console: true,
  title: 'You are blocked',
  main: html`<h1>You are blocked</h1>
<p class="lead">An operator has blocked you, so the console is closed to you. Ask your operator to end the block.</p>`,
}

export const declined: Page = {
  status: 403,
  console: true,
  title: 'You are not signed in',
  main: html`<h1>You are not signed in</h1>
<p class="lead">The sign-in service did not sign you in, or you cancelled it. Nothing was changed.</p>
${back()}`,
}

export function notSetUp(setting: string): Page {
  return {
    status: 503,
    console: true,
    title: 'Sign-in is not configured',
    main: html`<h1>Sign-in is not configured</h1>
<p class="lead">No identity provider is set for this directory. The setting is <code>${setting}</code>.</p>
${back()}`,
  }
}

export const goodbye: Page = {
  status: 200,
  console: true,
  title: 'Signed out',
  main: html`<h1>You are signed out of the console</h1>
<p class="lead">This browser may still be signed in to the sign-in service.</p>
${back()}`,
}

function back(): Html {
  return html`<p><a href="/_altgate/admin">Go to the start of the console</a></p>`
}

export function userLink(user: Username): Html {
  return html`<a href="/_altgate/admin?q=${encodeURIComponent(user)}">${user}</a>`
}

export function actLink(act: Act, words: string): Html {
  const scope = 'scope' in act ? `&scope=${encodeURIComponent(act.scope)}` : ''
  const href = `/_altgate/admin/sure?act=${act.what}&user=${encodeURIComponent(act.user)}${scope}`
  return html`<a class="button secondary" href="${href}">${words}</a>`
}

const questions: Readonly<Record<Act['what'], { readonly title: string; readonly effect: string }>> = {
  block: {
    title: 'Block this user?',
    effect:
      'All credentials of this user are switched off in every scope, and each one that is made later under their names. Only an operator or this console can end it. The user stays signed in on the page: sign them out as well.',
  },
  unblock: {
    title: 'End the block of this user?',
    effect: 'The credentials are switched on again, except those that the user or a check has switched off.',
  },
  'sign-out': {
    title: 'Sign this user out?',
    effect:
      'Ends the sessions of the user on the page, and the sign-ins by which the gateway acts as the user. Passwords stay valid.',
  },
  disable: {
    title: 'Switch these credentials off?',
    effect:
      'They are refused until an operator or this console switches them on. The password does not change.',
  },
  enable: {
    title: 'Switch these credentials on?',
    effect: 'The block of an operator ends. If the user has switched them off, they stay off.',
  },
  reset: {
    title: 'End this password?',
    effect:
      'The password stops working at once, in every gateway. The user then signs in on the page and makes a new one. Named passwords stay valid.',
  },
  'revoke-passwords': {
    title: 'Revoke all named passwords?',
    effect: 'All generated passwords with a name stop working at once. The main password stays valid.',
  },
}

/** Asks once. */
export function sureOf(act: Act, csrf: string): Page {
  const { title, effect } = questions[act.what]
  return {
    status: 200,
    title,
    main: html`<h1>${title}</h1>
<section class="card">
<dl>
<div><dt>User</dt><dd>${act.user}</dd></div>
${'scope' in act && html`<div><dt>Scope</dt><dd>${act.scope}</dd></div>`}
</dl>
<p>${effect}</p>
<form method="post" action="/_altgate/admin/act">
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="act" value="${act.what}">
<input type="hidden" name="user" value="${act.user}">
${'scope' in act && html`<input type="hidden" name="scope" value="${act.scope}">`}
<button type="submit">Yes, do it</button>
</form>
</section>
<p><a href="/_altgate/admin?q=${encodeURIComponent(act.user)}">Go back, and change nothing</a></p>`,
  }
}

interface ToTell {
  readonly page: string
  readonly username: Username
}

/** `tell`: what the user has to know. */
export function done(user: Username, sentence: string, tell?: ToTell): Page {
  return {
    status: 200,
    title: 'Done',
    main: html`<h1>Done</h1>
<p class="done" role="status">${sentence}</p>
${
  tell &&
  html`<section class="card" aria-labelledby="tell">
<h2 id="tell">What to tell the user</h2>
<p>Your password for git and other tools has ended. Open this page, sign in with your own account, and make a new one:</p>
<pre tabindex="0"><code>${tell.page}</code></pre>
<p>Your user name stays <b>${tell.username}</b>. Enter the new password when a tool next asks for it. No one else knows it, and
no one will ask you for it.</p>
</section>`
}
<p><a class="button" href="/_altgate/admin?q=${encodeURIComponent(user)}">Show ${user}</a></p>`,
  }
}

export function notDone(user: Username, sentence: string, status: number): Page {
  return {
    status,
    title: 'That was not possible',
    main: html`<h1>That was not possible</h1>
<p class="note" role="status">${sentence}</p>
<p><a class="button" href="/_altgate/admin?q=${encodeURIComponent(user)}">Show ${user}</a></p>`,
  }
}

/** No user could set a new password on the page: it is no one's yet. */
export function noOwner({ username, scope }: CredentialRecord): Page {
  return notDone(
    username,
    `The credentials of ${username} in scope ${scope} have no owner yet, so their user cannot make a new password on the page. Nothing was changed. An operator can set one: altgate credential set --scope ${scope} --user ${username} --generate`,
    409,
  )
}
