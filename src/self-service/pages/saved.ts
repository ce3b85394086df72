import type { PlannedMove } from '../../gateway/account.ts'
import type { AccountName, Instant } from '../../gateway/names.ts'
import { type CredentialRecord, isBlocked } from '../../gateway/registry.ts'
import type { Secret } from '../../gateway/secret.ts'
import type { Improvable } from '../../passwords/rules.ts'
import { html, type Html, type Page } from '../html.ts'
import type { Messages } from '../messages/en.ts'
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
  /** What a chosen password could be better at. */
  readonly advice: readonly Improvable[]
}

/** The new password is in force everywhere: shows it if it was generated, and how to use it in tools. */
export function saved(shown: Saved): Page {
  const { scopeName, made, advice } = shown
  return {
    status: 200,
    csrf: shown.csrf,
    title: ({ saved: say }) => (made === undefined ? say.title : say.copyTitle),
    main: messages => {
      const { saved: say, flaws } = messages
      return html`<h1>${say.heading}</h1>
<p class="done" role="status">${say.main(scopeName)}</p>
${advice.map(each => html`<p class="note">${flaws.advice[each]}</p>`)}
${switchedOff(say, shown)}
${made && shownOnce(messages, made)}
${use(messages, shown)}
<p><a href="${pageAt(placeOf(shown))}">${say.back}</a></p>`
    },
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
    title: ({ saved: say }) => say.copyTitle,
    main: messages => {
      const { saved: say } = messages
      const until = endsAt === undefined ? undefined : ending(messages, endsAt)
      return html`<h1>${say.heading}</h1>
<p class="done" role="status">${say.named(name, scopeName, until, readOnly)} ${othersAre(say, graceHours)}</p>
${switchedOff(say, shown)}
${shownOnce(messages, made)}
${use(messages, shown)}
<p><a href="${pageAt(placeOf(shown))}">${say.back}</a></p>`
    },
  }
}

type Sentences = Messages['saved']

function othersAre(say: Sentences, graceHours: number | undefined): string {
  if (graceHours === undefined) return say.othersStay
  return graceHours === 0 ? say.replacedEnded : say.replacedWorks(graceHours)
}

function switchedOff(say: Sentences, shown: Omit<Saved, 'advice'>): Html | false {
  const { credential } = shown
  const link = (text: string) => html`<a href="${pageAt(placeOf(shown))}">${text}</a>`
  return (
    !credential.enabled &&
    html`<p class="note">${say.off} ${isBlocked(credential) ? say.offByOperator : say.switchOn(link)}</p>`
  )
}

function shownOnce({ saved: say, frame }: Messages, made: Secret): Html {
  return html`<section class="card" aria-labelledby="made">
<h2 id="made">${say.yours}</h2>
<p>${say.once}</p>
<p class="secret"><code id="made-password">${made.reveal()}</code><button class="copy secondary" type="button" hidden
 data-copy="made-password" aria-label="${say.copyIt}">${frame.copy}</button></p>
</section>`
}

function placeOf({ account, scopeName, coming }: Omit<Saved, 'advice' | 'made'>): Place {
  return { account: { name: account }, scopeName, coming }
}

function use(messages: Messages, shown: Omit<Saved, 'advice'>): Html {
  if (shown.coming !== undefined) return useAfterTheMove(messages, shown.account, shown.coming)
  return html`<section class="card" aria-labelledby="use">
<h2 id="use">${messages.saved.use}</h2>
${commands(messages, shown)}
</section>`
}

function commands(messages: Messages, { url, credential, made, account }: Omit<Saved, 'advice'>): Html {
  const { saved: say } = messages
  const name = credential.secondary ?? credential.username
  const word = made === undefined ? say.yourPassword : made.reveal()
  const lines = [
    `protocol=${url.protocol.replace(':', '')}`,
    `host=${url.host}`,
    `username=${name}`,
    `password=${word}`,
  ].join('\n')
  const tf = `tf workspaces -collection:${url.href} -login:${quoted(name)},${word}`
  return html`<h3>${say.ask}</h3>
<p>${say.askHow(html`<code>${name}</code>`)}</p>
${command(messages, 'fetch', 'git fetch', say.copyFetch)}
${command(messages, 'clone', `git clone ${url.href}${say.repository}.git`, say.copyClone)}
<h3>${say.store}</h3>
<p>${say.storeHow(html`<code>git credential approve</code>`)}</p>
${command(messages, 'approve-lines', lines, say.copyLines)}
<p>${say.block}</p>
${command(messages, 'approve', `git credential approve <<'END'\n${lines}\nEND`, say.copyBlock)}
<h3>tf</h3>
<p>${say.tf(html`<code>-login</code>`)}</p>
${command(messages, 'tf', tf, say.copyTf)}
${url.pathname !== '/' && keepBoth(messages, url, account)}`
}

/** By default git stores one password per host, and erases it when one account refuses it. Not shown where each account has a host. */
function keepBoth(messages: Messages, url: URL, account: AccountName): Html {
  const { saved: say } = messages
  const setting = `git config --global credential.${url.origin}.useHttpPath true`
  return html`<p class="hint">${say.keepBoth(html`<code>path=${account}/${say.repository}.git</code>`)}</p>
${command(messages, 'keep-both', setting, say.copySetting)}`
}

/** Quotes for a shell where needed: the part of an address before its `@` may contain almost any character. */
function quoted(name: string): string {
  return /^[\p{L}\p{N}@._+-]+$/u.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`
}
