import { pageOf } from '../../gateway/account.ts'
import type { AccountName, Username } from '../../gateway/names.ts'
import type { CredentialRecord } from '../../gateway/registry.ts'
import type { Secret } from '../../gateway/secret.ts'
import { shortestPassword } from '../../passwords/common.ts'
import { html, type Html, type Page } from '../html.ts'
import type { ScopeName } from '../scope-names.ts'
import type { Profile, Feedback } from './profile.ts'

/** The fault of each field, by its name, as a sentence. */
export type Faults = Readonly<Partial<Record<'password' | 'again' | 'secondary' | 'current' | 'how', string>>>

/** Sets or resets the password and the secondary user name. Works without a script. */
export function setForm(
  { account, csrf, credential }: Profile,
  username: Username,
  feedback: Feedback,
): Html {
  const { faults = {} } = feedback
  const chosen = faults.password !== undefined || faults.again !== undefined
  const renamed = credential !== undefined && credential.username !== username
  return html`<section class="card" aria-labelledby="set">
<h2 id="set">${credential === undefined ? 'Set a password' : 'Set a new password'}</h2>
${credential && html`<p>Your current password stops working everywhere as soon as you save. Tools that have stored it ask for the new one.</p>`}
<form method="post" action="/_altgate/credential" novalidate>
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="seen" value="${credential?.setAt ?? 0}">
<div class="field">
<label for="username">User name</label>
<p class="hint" id="username-hint">From your sign-in. ${
    renamed && html`Until you save, it is still <b>${credential.username}</b>.`
  }</p>
<input id="username" value="${username}" autocomplete="username" readonly aria-describedby="username-hint">
</div>
${field({
  name: 'secondary',
  label: 'Secondary user name (optional)',
  hint: html`For tools that do not accept the <code>@</code> of an e-mail address. The password is the same. 1 to 64 letters,
digits, dots, hyphens or underscores; not used by another user.`,
  fault: faults.secondary,
  input: html`value="${feedback.secondary ?? credential?.secondary}" autocomplete="off" autocapitalize="none" spellcheck="false"`,
})}
<fieldset class="how${faults.how && ' wrong'}" id="how">
<legend>Password</legend>
${fault('how', faults.how)}
<label class="choice"><input type="radio" name="how" value="generate"${
    !chosen && html` checked`
  } aria-labelledby="generate" aria-describedby="generate-hint">
<span><b id="generate">Generate a strong password</b><br><span class="hint" id="generate-hint">Shown once, after you save. It cannot be guessed, and secret
scanners can recognize it.</span></span></label>
<label class="choice"><input type="radio" name="how" value="choose" id="choose"${
    chosen && html` checked`
  } aria-labelledby="own" aria-describedby="own-hint">
<span><b id="own">Choose my own password</b><br><span class="hint" id="own-hint">For tools where you have to type it.</span></span></label>
<div class="chosen">
${field({
  name: 'password',
  label: 'New password',
  hint: html`At least ${shortestPassword} characters; longer is better. Not your user name, and not a common password.
For <code>tf</code>, use only unaccented letters, digits and punctuation: it cannot send other characters.`,
  fault: faults.password,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
${field({
  name: 'again',
  label: 'Confirm new password',
  fault: faults.again,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
</div>
</fieldset>
<button type="submit">Save</button>
</form>
</section>`
}

/** Claims a credential that an operator created. */
export function claimForm(
  { account, csrf, scopeName, credential }: Profile,
  username: Username,
  { faults = {} }: Feedback,
): Html {
  return html`<section class="card" aria-labelledby="claim">
<h2 id="claim">A password has ${credential === undefined ? 'already ' : ''}been set</h2>
${
  credential === undefined
    ? html`<p>Your operator has created credentials for <b>${username}</b> ${scopeName.reach}. Enter their current password once to
claim them; then you can change them here.</p>`
    : html`<p>Your operator has set a new password for <b>${username}</b>. Enter it once to confirm that it is yours, or set another
one below. Until then nothing acts as you with it.</p>`
}
<form method="post" action="/_altgate/claim" novalidate>
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input class="visually-hidden" name="username" value="${username}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
${field({
  name: 'current',
  label: 'Current alternate password',
  hint: html`The password that git uses, not the one you sign in with.`,
  fault: faults.current,
  input: html`type="password" autocomplete="current-password" autocapitalize="none" spellcheck="false"`,
})}
<button type="submit">Claim credentials</button>
</form>
<p class="hint">Don’t know it? Ask your operator to generate a new one:</p>
<pre><code>altgate credential set --scope ${scopeName.scope} --user ${username} --generate</code></pre>
</section>`
}

interface Field {
  readonly name: keyof Faults
  readonly label: string
  readonly hint?: Html
  readonly fault: string | undefined
  /** Attributes of the input. */
  readonly input: Html
}

function field({ name, label, hint, fault: sentence, input }: Field): Html {
  const described = [hint && `${name}-hint`, sentence && `${name}-error`].filter(Boolean).join(' ')
  return html`<div class="field${sentence && ' wrong'}">
<label for="${name}">${label}</label>
${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
${fault(name, sentence)}
<input id="${name}" name="${name}" ${input}${described !== '' && html` aria-describedby="${described}"`}${
    sentence && html` aria-invalid="true"`
  }>
</div>`
}

function fault(name: string, sentence: string | undefined): Html | undefined {
  return sentence === undefined
    ? undefined
    : html`<p class="error" id="${name}-error"><span class="visually-hidden">Error:</span> ${sentence}</p>`
}

interface Saved {
  readonly csrf: string
  readonly account: AccountName
  readonly scopeName: ScopeName
  readonly credential: CredentialRecord
  /** The account's address for tools, with a slash at the end. */
  readonly url: URL
  /** A generated password, shown only once. */
  readonly made: Secret | undefined
  /** Advice about a chosen password, as sentences. */
  readonly advice: readonly string[]
}

/** The new password is in force everywhere: shows it if it was generated, and how to use it in tools. */
export function saved(shown: Saved): Page {
  const { account, scopeName, credential, made, advice } = shown
  return {
    status: 200,
    csrf: shown.csrf,
    title: made === undefined ? 'Saved: your new password' : 'Saved: copy your new password',
    main: html`<h1>Saved</h1>
<p class="done" role="status">The new password is in force everywhere. It is now the only one that works ${scopeName.reach}.</p>
${advice.map(sentence => html`<p class="note">${sentence}</p>`)}
${
  !credential.enabled &&
  html`<p class="note">These credentials are switched off, so the new password does not work yet.
<a href="${pageOf(account)}">Switch them on</a>.</p>`
}
${made && shownOnce(made)}
<section class="card" aria-labelledby="use">
<h2 id="use">Use it in your tools</h2>
${commands(shown)}
</section>
<p><a href="${pageOf(account)}">Back to your credentials</a></p>`,
  }
}

function shownOnce(made: Secret): Html {
  return html`<section class="card" aria-labelledby="made">
<h2 id="made">Your new password</h2>
<p>This password is shown only once. Copy it now; if you lose it, generate another one.</p>
<p class="secret"><code id="made-password">${made.reveal()}</code>${copy('made-password', 'Copy the password')}</p>
</section>`
}

function commands({ url, credential, made, account }: Saved): Html {
  const name = credential.secondary ?? credential.username
  const word = made === undefined ? 'YOUR-PASSWORD' : made.reveal()
  const remember = [
    "git credential approve <<'END'",
    `protocol=${url.protocol.replace(':', '')}`,
    `host=${url.host}`,
    `username=${name}`,
    `password=${word}`,
    'END',
  ].join('\n')
  return html`<h3>Let git ask for it</h3>
<p>Run the failed command again. Enter <code>${name}</code> as the user name, and the new password.</p>
${block('fetch', 'git fetch', 'Copy the fetch')}
${block('clone', `git clone ${url.href}REPOSITORY.git`, 'Copy the clone')}
<h3>Or store it in git’s credential helper</h3>
<p>For builds and other jobs that run unattended. Paste the whole block into a terminal
(on Windows: Git Bash).</p>
${block('approve', remember, 'Copy the lines for the credential helper')}
<h3>tf</h3>
${block('tf', `tf workspaces -collection:${url.href} -login:${quoted(name)},${word}`, 'Copy the tf command')}
${url.pathname !== '/' && keepBoth(url, account)}`
}

/** By default git stores one password per host, and erases it when one account refuses it. Not shown where each account has a host. */
function keepBoth(url: URL, account: AccountName): Html {
  return html`<p class="hint">If this computer uses several sets of credentials on this gateway, configure git to keep them apart first:
<code>git config --global credential.${url.origin}.useHttpPath true</code> (then add each repository’s
<code>path=${account}/REPOSITORY.git</code> to the lines above).</p>`
}

function block(id: string, text: string, label: string): Html {
  return html`<div class="command"><pre id="${id}"><code>${text}</code></pre>${copy(id, label)}</div>`
}

/** Needs the script, which reveals it. */
function copy(id: string, label: string): Html {
  return html`<button class="copy secondary" type="button" hidden data-copy="${id}" aria-label="${label}">Copy</button>`
}

/** Quotes for a shell where needed: the part of an address before its `@` may contain almost any character. */
function quoted(name: string): string {
  return /^[\p{L}\p{N}@._+-]+$/u.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`
}
