import { pageOf } from '../../gateway/account.ts'
import type { AccountName, Username } from '../../gateway/names.ts'
import type { CredentialRecord } from '../../gateway/registry.ts'
import type { Secret } from '../../gateway/secret.ts'
import { shortestPassword } from '../../passwords/common.ts'
import { html, type Html, type Page } from '../html.ts'
import type { ScopeName } from '../scope-names.ts'
import type { Profile, Told } from './profile.ts'

/** What is wrong with a field, by its name, as sentences. */
export type Faults = Readonly<Partial<Record<'password' | 'again' | 'secondary' | 'current' | 'how', string>>>

/** Sets or resets the password and the secondary user name. Works without a script. */
export function setForm({ account, csrf, credential }: Profile, username: Username, told: Told): Html {
  const { faults = {} } = told
  const chosen = faults.password !== undefined || faults.again !== undefined
  const renamed = credential !== undefined && credential.username !== username
  return html`<section class="card" aria-labelledby="set">
<h2 id="set">${credential === undefined ? 'Set a password' : 'Set a new password'}</h2>
${credential && html`<p>The present one ends the moment you save, on every computer. Tools that still have it ask again.</p>`}
<form method="post" action="/_altgate/credential" novalidate>
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input type="hidden" name="seen" value="${credential?.setAt ?? 0}">
<div class="field">
<label for="username">User name</label>
<p class="hint" id="username-hint">As your sign-in says. ${
    renamed && html`Until you save it is still <b>${credential.username}</b>.`
  }</p>
<input id="username" value="${username}" autocomplete="username" readonly aria-describedby="username-hint">
</div>
${field({
  name: 'secondary',
  label: 'Secondary user name (optional)',
  hint: html`Some tools choke on the <code>@</code> of an address; they can use this name with the same password. 1 to 64
letters, digits, dots, hyphens or underscores, and nobody else’s.`,
  fault: faults.secondary,
  input: html`value="${told.secondary ?? credential?.secondary}" autocomplete="off" autocapitalize="none" spellcheck="false"`,
})}
<fieldset class="how${faults.how && ' wrong'}" id="how">
<legend>Password</legend>
${fault('how', faults.how)}
<label class="choice"><input type="radio" name="how" value="generate"${
    !chosen && html` checked`
  } aria-labelledby="generate" aria-describedby="generate-hint">
<span><b id="generate">Make a strong one for me</b><br><span class="hint" id="generate-hint">Shown once after saving. Nobody can guess it, and leak scanners
know it when they see it.</span></span></label>
<label class="choice"><input type="radio" name="how" value="choose" id="choose"${
    chosen && html` checked`
  } aria-labelledby="own" aria-describedby="own-hint">
<span><b id="own">I choose one myself</b><br><span class="hint" id="own-hint">For tools where you have to type it.</span></span></label>
<div class="chosen">
${field({
  name: 'password',
  label: 'New password',
  hint: html`At least ${shortestPassword} characters, longer is better; not your user name, and none that everybody uses.
Letters without accents, digits and marks: <code>tf</code> can send no others.`,
  fault: faults.password,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
${field({
  name: 'again',
  label: 'New password once more',
  fault: faults.again,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
</div>
</fieldset>
<button type="submit">Save</button>
</form>
</section>`
}

/** Takes over a credential that an operator made. */
export function claimForm(
  { account, csrf, scopeName }: Profile,
  username: Username,
  { faults = {} }: Told,
): Html {
  return html`<section class="card" aria-labelledby="claim">
<h2 id="claim">There is a password already</h2>
<p>Your operator has made credentials for <b>${username}</b> ${scopeName.reach}. Type their present password once to make them
yours; then you can change them here.</p>
<form method="post" action="/_altgate/claim" novalidate>
<input type="hidden" name="csrf" value="${csrf}">
<input type="hidden" name="account" value="${account.name}">
<input class="visually-hidden" name="username" value="${username}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
${field({
  name: 'current',
  label: 'Present alternate password',
  hint: html`The one that git uses, not the one of your sign-in.`,
  fault: faults.current,
  input: html`type="password" autocomplete="current-password" autocapitalize="none" spellcheck="false"`,
})}
<button type="submit">Make them mine</button>
</form>
<p class="hint">You do not know it? Ask your operator for a new one:</p>
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
  /** Where the tools find the account, with a slash at the end. */
  readonly url: URL
  /** A password that was made here: shown this once. */
  readonly made: Secret | undefined
  /** Sentences about a chosen password that could be better. */
  readonly advice: readonly string[]
}

/** The new password holds everywhere: what it is, if it was made here, and how to hand it to the tools. */
export function saved(shown: Saved): Page {
  const { account, scopeName, credential, made, advice } = shown
  return {
    status: 200,
    csrf: shown.csrf,
    title: made === undefined ? 'Saved: your new password' : 'Saved: copy your new password',
    main: html`<h1>Saved</h1>
<p class="done" role="status">From now on, everywhere, only the new password counts ${scopeName.reach}.</p>
${advice.map(sentence => html`<p class="note">${sentence}</p>`)}
${
  !credential.enabled &&
  html`<p class="note">These credentials are switched off, so the new password opens nothing yet.
<a href="${pageOf(account)}">Switch them on</a>.</p>`
}
${made && shownOnce(made)}
<section class="card" aria-labelledby="use">
<h2 id="use">Now hand it to your tools</h2>
${commands(shown)}
</section>
<p><a href="${pageOf(account)}">Back to your credentials</a></p>`,
  }
}

function shownOnce(made: Secret): Html {
  return html`<section class="card" aria-labelledby="made">
<h2 id="made">Your new password</h2>
<p>It is shown this once. Copy it now; if it gets lost, make another.</p>
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
  return html`<h3>git asks by itself</h3>
<p>Run the command again that failed. Asked for a user name, type <code>${name}</code>; for the password, the new one.</p>
${block('fetch', 'git fetch', 'Copy the fetch')}
${block('clone', `git clone ${url.href}REPOSITORY.git`, 'Copy the clone')}
<h3>Or give it to git’s credential helper</h3>
<p>For builds and other places where nobody can be asked. Paste all of it into a terminal
(on Windows: Git Bash).</p>
${block('approve', remember, 'Copy the lines for the credential helper')}
<h3>tf</h3>
${block('tf', `tf workspaces -collection:${url.href} -login:${quoted(name)},${word}`, 'Copy the tf command')}
${url.pathname !== '/' && keepBoth(url, account)}`
}

/** git keeps one password for a host, and forgets it when one account refuses it. An account with a host has no need. */
function keepBoth(url: URL, account: AccountName): Html {
  return html`<p class="hint">If this computer also uses another set on this gateway, let git tell them apart first:
<code>git config --global credential.${url.origin}.useHttpPath true</code> (then give the helper each repository’s
<code>path=${account}/REPOSITORY.git</code>, too).</p>`
}

function block(id: string, text: string, label: string): Html {
  return html`<div class="command"><pre id="${id}"><code>${text}</code></pre>${copy(id, label)}</div>`
}

/** Works with the script only, so it is hidden until the script shows it. */
function copy(id: string, label: string): Html {
  return html`<button class="copy secondary" type="button" hidden data-copy="${id}" aria-label="${label}">Copy</button>`
}

/** For a shell: as it is, or in single quotes. An address may hold almost anything before its `@`. */
function quoted(name: string): string {
  return /^[\p{L}\p{N}@._+-]+$/u.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`
}
