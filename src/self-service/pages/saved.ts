import type { PlannedMove } from '../../gateway/account.ts'
import type { AccountName, Instant } from '../../gateway/names.ts'
import { type CredentialRecord, isBlocked } from '../../gateway/registry.ts'
import type { Secret } from '../../gateway/secret.ts'
import { html, type Html, type Page } from '../html.ts'
import { pageAt, type Place, type ScopeName } from '../scope-names.ts'
import { command } from './command.ts'
import { useAfterTheMove } from './moving.ts'
import { ending } from './passwords.ts'

interface Saved {
  readonly csrf: string
  readonly account: AccountName
  readonly scopeName: ScopeName
  /** It is for the scope that the account is about to move to. */
  readonly coming?: PlannedMove | undefined
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
  const { scopeName, made, advice } = shown
  return {
    status: 200,
    csrf: shown.csrf,
    title: made === undefined ? 'Saved: your new password' : 'Saved: copy your new password',
    main: html`<h1>Saved</h1>
<p class="done" role="status">The new main password is in force everywhere, ${scopeName.reach}. The one before it no longer works; passwords
with a name stay as they are.</p>
${advice.map(sentence => html`<p class="note">${sentence}</p>`)}
${switchedOff(shown)}
${made && shownOnce(made)}
${use(shown)}
<p><a href="${pageAt(placeOf(shown))}">Back to your credentials</a></p>`,
  }
}

/** A generated password with a name, in force everywhere: shows it once, and how to use it. */
export function savedNamed(
  shown: Omit<Saved, 'advice'> & {
    readonly made: Secret
    readonly name: string
    readonly endsAt: Instant | undefined
    readonly readOnly: boolean
    /** If it replaced another one: hours for which that one still works. */
    readonly graceHours: number | undefined
  },
): Page {
  const { scopeName, made, name, endsAt, readOnly, graceHours } = shown
  return {
    status: 200,
    csrf: shown.csrf,
    title: 'Saved: copy your new password',
    main: html`<h1>Saved</h1>
<p class="done" role="status">The password ${name} works ${scopeName.reach}${
      endsAt !== undefined && html` until ${ending(endsAt)}`
    }${readOnly && html`, for reading only`}. ${
      graceHours === undefined
        ? 'Your other passwords stay as they are.'
        : graceHours === 0
          ? 'The one that it replaces no longer works.'
          : `The one that it replaces works for ${graceHours === 1 ? 'one hour' : `${graceHours} hours`} more.`
    }</p>
${switchedOff(shown)}
${shownOnce(made)}
${use(shown)}
<p><a href="${pageAt(placeOf(shown))}">Back to your credentials</a></p>`,
  }
}

function switchedOff(shown: Omit<Saved, 'advice'>): Html | false {
  const { credential } = shown
  return (
    !credential.enabled &&
    html`<p class="note">These credentials are switched off, so the new password does not work yet.
${isBlocked(credential) ? 'Your operator has switched them off: ask your operator.' : html`<a href="${pageAt(placeOf(shown))}">Switch them on</a>.`}</p>`
  )
}

function shownOnce(made: Secret): Html {
  return html`<section class="card" aria-labelledby="made">
<h2 id="made">Your new password</h2>
<p>This password is shown only once. Copy it now; if you lose it, generate another one.</p>
<p class="secret"><code id="made-password">${made.reveal()}</code><button class="copy secondary" type="button" hidden
 data-copy="made-password" aria-label="Copy the password">Copy</button></p>
</section>`
}

function placeOf({ account, scopeName, coming }: Omit<Saved, 'advice' | 'made'>): Place {
  return { account: { name: account }, scopeName, coming }
}

function use(shown: Omit<Saved, 'advice'>): Html {
  if (shown.coming !== undefined) return useAfterTheMove(shown.account, shown.coming)
  return html`<section class="card" aria-labelledby="use">
<h2 id="use">Use it in your tools</h2>
${commands(shown)}
</section>`
}

function commands({ url, credential, made, account }: Omit<Saved, 'advice'>): Html {
  const name = credential.secondary ?? credential.username
  const word = made === undefined ? 'YOUR-PASSWORD' : made.reveal()
  const lines = [
    `protocol=${url.protocol.replace(':', '')}`,
    `host=${url.host}`,
    `username=${name}`,
    `password=${word}`,
  ].join('\n')
  return html`<h3>Let git ask for it</h3>
<p>Run the failed command again. Enter <code>${name}</code> as the user name, and the new password.</p>
${command('fetch', 'git fetch', 'Copy the fetch')}
${command('clone', `git clone ${url.href}REPOSITORY.git`, 'Copy the clone')}
<h3>Or store it in git’s credential helper</h3>
<p>For builds and other jobs that run unattended. Run <code>git credential approve</code>, paste these lines, and press Enter
twice. They go to git alone: neither the history of your shell nor the list of processes shows them.</p>
${command('approve-lines', lines, 'Copy the lines for git')}
<p>The same in one block for a terminal (on Windows: Git Bash). Your shell may keep the block in its history, with the
password in it.</p>
${command('approve', `git credential approve <<'END'\n${lines}\nEND`, 'Copy the lines for the credential helper')}
<h3>tf</h3>
<p>With <code>-login</code>, the password is on the command line: your shell may keep it in its history, and other users of
the computer can see it in the list of processes while tf runs. Leave <code>-login</code> and what follows it out, and tf asks
for the user name and the password.</p>
${command('tf', `tf workspaces -collection:${url.href} -login:${quoted(name)},${word}`, 'Copy the tf command')}
${url.pathname !== '/' && keepBoth(url, account)}`
}

/** By default git stores one password per host, and erases it when one account refuses it. Not shown where each account has a host. */
function keepBoth(url: URL, account: AccountName): Html {
  return html`<p class="hint">If this computer uses several sets of credentials on this gateway, configure git to keep them apart first (then add
each repository’s <code>path=${account}/REPOSITORY.git</code> to the lines above):</p>
${command('keep-both', `git config --global credential.${url.origin}.useHttpPath true`, 'Copy the setting')}`
}

/** Quotes for a shell where needed: the part of an address before its `@` may contain almost any character. */
function quoted(name: string): string {
  return /^[\p{L}\p{N}@._+-]+$/u.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`
}
