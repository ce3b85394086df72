import type { Secret } from '../../gateway/secret.ts'
import type { CredentialRecord } from '../../gateway/registry.ts'
import type { AccountName } from '../../gateway/names.ts'
import { html, type Html } from '../html.ts'
import type { Page } from '../page.ts'
import { pageOf, type Place } from '../places.ts'

export interface Saved {
  readonly csrf: string
  readonly account: AccountName
  readonly place: Place
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
  const { account, place, credential, made, advice } = shown
  return {
    status: 200,
    csrf: shown.csrf,
    title: made === undefined ? 'Saved: your new password' : 'Saved: copy your new password',
    main: html`<h1>Saved</h1>
<p class="done" role="status">From now on, everywhere, only the new password counts ${place.reach}.</p>
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
