import { pageOf } from '../../gateway/account.ts'
import type { Username } from '../../gateway/names.ts'
import { longestPasswordName } from '../../gateway/registry.ts'
import type { DeviceInfo } from '../../oauth/library.ts'
import type { RequestedAccount, SignedInUser } from '../account-lookup.ts'
import { html, type Html, moment, type Page } from '../html.ts'
import { formOf, signInAt } from '../scope-names.ts'

/** The helper that asks, as the page calls it, and as its form names it. */
interface Helper {
  readonly id: string
  readonly name: string
}

/** What every question has in common. */
interface Question {
  readonly user: SignedInUser
  readonly helper: Helper
  /** The user name of the set. */
  readonly username: Username
  /** What the password is to be called. */
  readonly name: string
  /** What is wrong with that name. */
  readonly fault?: string
}

/** Asks whether a helper on this machine may have a password. `uid`: its request. */
export function askToAgree({ uid, ...question }: Question & { readonly uid: string }): Page {
  const { helper } = question
  return asked(
    question,
    `Allow ${helper.name} to use git as you?`,
    html`<p class="lead"><b>${helper.name}</b> on this computer asks for a password of its own, so that you need not type one.</p>
<p class="note">Allow this only if you have just used git yourself and it opened this page.</p>`,
    html`<input type="hidden" name="uid" value="${uid}">
<input type="hidden" name="helper" value="${helper.id}">`,
    '/_altgate/oauth/consent',
  )
}

/** The same for a helper on another device, which shows a code. */
export function askToAgreeToDevice({
  code,
  info,
  ...question
}: Question & { readonly code: string; readonly info: DeviceInfo }): Page {
  const { helper } = question
  const shown = spelled(code)
  return asked(
    question,
    `Allow another device to use git as you?`,
    html`<p class="lead">A device asks for a password of its own. Compare the code:</p>
<p class="code"><code>${shown}</code></p>
<p class="note">Allow this only if <b>you see this code on your own device</b>, in a terminal in which you have just used git. If
another person sent you the code or a link to this page, do not allow it: that person would get access as you.</p>
<dl>
<div><dt>Program</dt><dd>${helper.name}</dd></div>
<div><dt>Device</dt><dd>${info.name === '' ? html`<span class="none">gave no name</span>` : info.name}</dd></div>
<div><dt>Asked from</dt><dd>${info.from}${info.tool !== '' && html`<br>with ${info.tool}`}</dd></div>
<div><dt>Asked on</dt><dd>${moment(info.at)}</dd></div>
</dl>`,
    html`<input type="hidden" name="user_code" value="${code}">`,
    '/_altgate/device',
  )
}

function asked(
  { user, username, name, fault }: Question,
  title: string,
  about: Html,
  hidden: Html,
  action: string,
): Page {
  const { account, scopeName, session } = user
  return {
    status: fault === undefined ? 200 : 422,
    csrf: session.csrf,
    title: fault === undefined ? title : `Error: ${title}`,
    main: html`<h1>${title}</h1>
${about}
<section class="card" aria-labelledby="what">
<h2 id="what">What you allow</h2>
<dl>
<div><dt>Signs in as</dt><dd>${username}</dd></div>
<div><dt>Set of credentials</dt><dd>${scopeName.name}</dd></div>
<div><dt>Works</dt><dd>${scopeName.reach}</dd></div>
<div><dt>May</dt><dd>read and write</dd></div>
</dl>
<form method="post" action="${action}" novalidate>
${formOf(user, session.csrf)}
${hidden}
<div class="field${fault !== undefined && ' wrong'}">
<label for="name">Name of the password</label>
<p class="hint" id="name-hint">For your list of passwords. Name the computer, so that you know later which one to revoke.</p>
${fault !== undefined && html`<p class="error" id="name-error"><span class="visually-hidden">Error:</span> ${fault}</p>`}
<input id="name" name="name" value="${name}" maxlength="${longestPasswordName}" autocomplete="off" spellcheck="false" required
 aria-describedby="name-hint${fault !== undefined && ' name-error'}"${fault !== undefined && html` aria-invalid="true" autofocus`}>
</div>
<div class="choices">
<button type="submit" name="answer" value="yes">Allow</button>
<button class="secondary" type="submit" name="answer" value="no">Do not allow</button>
</div>
</form>
</section>
<p class="hint">The program renews the password by itself. You can revoke it on
<a href="${pageOf(account.name)}">your page</a> at any time.</p>`,
  }
}

/** Sends the browser to the helper. Not by a redirect: browsers apply `form-action` to what a form is redirected to. */
export function backToHelper(location: string, helper: string, allowed: boolean): Page {
  const title = allowed ? 'Return to your terminal' : 'You did not allow it'
  return {
    status: 200,
    title,
    refresh: location,
    main: html`<h1>${title}</h1>
<p class="lead">${helper} ${allowed ? 'has what it needs' : 'is told so, and gets nothing'}.</p>
<p>If nothing happens, <a class="button" href="${location}">continue</a></p>`,
  }
}

export function deviceAnswered(helper: string, allowed: boolean): Page {
  const title = allowed ? 'Return to your device' : 'You did not allow it'
  return {
    status: 200,
    title,
    main: html`<h1>${title}</h1>
<p class="lead">${
      allowed
        ? `${helper} goes on by itself within a few seconds. You can close this page.`
        : `${helper} is told so, and gets nothing. You can close this page.`
    }</p>`,
  }
}

/** Asks for the code that a device shows. `wrong`: what was entered before. */
export function askForCode(wrong?: string): Page {
  const title = wrong === undefined ? 'Enter the code from your device' : 'Error: this code is not valid'
  const error =
    wrong !== undefined &&
    html`<p class="error" id="user_code-error"><span class="visually-hidden">Error:</span> This code is not valid. It may be
mistyped, used already, or older than ten minutes. Run the command again to get a new one.</p>`
  return {
    status: wrong === undefined ? 200 : 404,
    title,
    main: html`<h1>Enter the code from your device</h1>
<p class="lead">git on your device shows a code of eight letters. Enter only a code that you see there yourself.</p>
<form class="card" method="get" action="/_altgate/device" novalidate>
<div class="field${wrong !== undefined && ' wrong'}">
<label for="user_code">Code</label>
<p class="hint" id="user_code-hint">For example <code>BCDF-GHJK</code>. Upper or lower case makes no difference.</p>
${error}
<input id="user_code" name="user_code" value="${wrong?.slice(0, 20)}" autocomplete="off" autocapitalize="characters"
 spellcheck="false" required aria-describedby="user_code-hint${wrong !== undefined && ' user_code-error'}"${
   wrong !== undefined && html` aria-invalid="true" autofocus`
 }>
</div>
<button type="submit">Continue</button>
</form>`,
  }
}

/** The user has to sign in, or sign in again, before the question is asked. */
export function signInFirst({
  requested,
  helper,
  next,
  other,
  again,
}: {
  readonly requested: RequestedAccount
  readonly helper: string
  /** The page that asks. */
  readonly next: string
  /** The page that asks which account it is for. */
  readonly other: string
  readonly again: boolean
}): Page {
  const { account } = requested
  const title = again ? 'Sign in again to allow it' : `Sign in for ${account.name}`
  return {
    status: 200,
    title,
    main: html`<h1>${title}</h1>
<p class="lead"><b>${helper}</b> asks for a password of its own for <b>${account.name}</b>. ${
      again
        ? 'You signed in some time ago, so sign in again first.'
        : 'Sign in first; then you are asked whether you allow it.'
    }</p>
<section class="card" aria-labelledby="who">
<h2 id="who">Your account</h2>
<dl>
<div><dt>Account</dt><dd>${account.name}</dd></div>
</dl>
<p><a class="button" href="${signInAt(requested, again ? 'again' : undefined)}&amp;next=${encodeURIComponent(next)}">Sign
in</a></p>
</section>
<p class="hint">Wrong account? <a href="${other}">Choose another one</a>. If you did not start this yourself, close this page.</p>`,
  }
}

/** Asks which account a helper is used for. */
export function accountFor({
  helper,
  action,
  hidden,
  wrong,
}: {
  readonly helper: string
  readonly action: string
  readonly hidden: ReadonlyMap<string, string>
  readonly wrong?: string
}): Page {
  const error =
    wrong !== undefined &&
    html`<p class="error" id="account-error"><span class="visually-hidden">Error:</span> There is no account with that name.
Check the spelling.</p>`
  return {
    status: wrong === undefined ? 200 : 404,
    title: wrong === undefined ? 'Which account?' : 'Error: there is no such account',
    main: html`<h1>Which account is it for?</h1>
<p class="lead"><b>${helper}</b> asks for a password of its own. Enter the account that you use with git. It is part of the
address, directly after or before the name of this gateway.</p>
<form class="card" method="get" action="${action}" novalidate>
${[...hidden].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<div class="field${wrong !== undefined && ' wrong'}">
<label for="account">Account</label>
<p class="hint" id="account-hint">For example <code>fabrikam</code>.</p>
${error}
<input id="account" name="account" value="${wrong?.replace(/\p{C}/gu, '').slice(0, 64)}" autocomplete="organization"
 autocapitalize="none" spellcheck="false" required aria-describedby="account-hint${wrong !== undefined && ' account-error'}"${
   wrong !== undefined && html` aria-invalid="true" autofocus`
 }>
</div>
<button type="submit">Continue</button>
</form>`,
  }
}

/** Why a user cannot give a helper a password. */
export type Cannot = 'switched-off' | 'too-many' | 'no-name' | 'taken' | 'unclaimed'

export function cannotGive({ account, session }: SignedInUser, helper: string, why: Cannot): Page {
  const [what, next] = reasons[why]
  return {
    status: 409,
    csrf: session.csrf,
    title: `${helper} cannot get a password yet`,
    main: html`<h1>${helper} cannot get a password yet</h1>
<p class="lead">${what}</p>
<p>${next}</p>
<p><a class="button" href="${pageOf(account.name)}">Go to your page</a></p>`,
  }
}

const reasons: Readonly<Record<Cannot, readonly [what: string, next: string]>> = {
  'switched-off': ['Your credentials are switched off.', 'Switch them on, and then use git again.'],
  'too-many': [
    'You have as many passwords as there can be.',
    'Revoke one that you no longer use, and then use git again.',
  ],
  'no-name': [
    'Your sign-in did not provide an e-mail address that can be used as a user name.',
    'Your page says what your operator can do.',
  ],
  taken: [
    'The credentials under your user name belong to another person.',
    'Your operator must resolve this first.',
  ],
  unclaimed: [
    'Your operator has created credentials for you that you have not claimed.',
    'Claim them on your page, and then use git again.',
  ],
}

/** A request that cannot be sent back, because where it comes from cannot be trusted. */
export function unknownHelper(why: string): Page {
  return {
    status: 400,
    title: 'This request is not valid',
    main: html`<h1>This request is not valid</h1>
<p class="lead">A program on your computer opened this page, but its request cannot be answered: ${why}.</p>
<p>Compare its settings with those on your account’s page. Nothing was changed.</p>
<p><a href="/_altgate/">Go to the start page</a></p>`,
  }
}

export const startAgain: Page = {
  status: 409,
  title: 'This question was answered already',
  main: html`<h1>This question was answered already</h1>
<p class="lead">Or it has waited for more than ten minutes. Nothing was changed just now.</p>
<p>If git still asks for a password, run the command again.</p>`,
}

function spelled(code: string): string {
  const letters = code.toUpperCase().replace(/[^A-Z]/g, '')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}
