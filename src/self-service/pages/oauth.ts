import { pageOf } from '../../gateway/account.ts'
import type { Username } from '../../gateway/names.ts'
import { longestPasswordName } from '../../gateway/registry.ts'
import type { DeviceInfo } from '../../oauth/library.ts'
import type { RequestedAccount, SignedInUser } from '../account-lookup.ts'
import { html, type Html, type Page, type Said } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { formOf, signInAt } from '../scope-names.ts'
import { field } from './fields.ts'
import { accountField } from './welcome.ts'

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
  readonly name: Said<string>
  /** What is wrong with that name. */
  readonly fault?: Said<string>
}

type Sentences = Messages['asking']

/** Asks whether a helper on this machine may have a password. `uid`: its request. */
export function askToAgree({ uid, ...question }: Question & { readonly uid: string }): Page {
  const { helper } = question
  return asked(
    question,
    say => say.allow(helper.name),
    ({ asking: say }) => html`<p class="lead">${say.allowLead(html`<b>${helper.name}</b>`)}</p>
<p class="note">${say.allowOnly}</p>`,
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
  return asked(
    question,
    say => say.device,
    ({ asking: say, times }) => html`<p class="lead">${say.deviceLead}</p>
<p class="code"><code>${spelled(code)}</code></p>
<p class="note">${say.deviceOnly}</p>
<dl>
<div><dt>${say.program}</dt><dd>${helper.name}</dd></div>
<div><dt>${say.deviceName}</dt><dd>${info.name === '' ? html`<span class="none">${say.noDeviceName}</span>` : info.name}</dd></div>
<div><dt>${say.askedFrom}</dt><dd>${info.from}${info.tool !== '' && html`<br>${say.askedWith(info.tool)}`}</dd></div>
<div><dt>${say.askedOn}</dt><dd>${times.moment(info.at)}</dd></div>
</dl>`,
    html`<input type="hidden" name="user_code" value="${code}">`,
    '/_altgate/device',
  )
}

function asked(
  { user, username, name, fault: wrong }: Question,
  titleOf: (say: Sentences) => string,
  about: Said<Html>,
  hidden: Html,
  action: string,
): Page {
  const { account, scopeName, session } = user
  const main = (messages: Messages): Html => {
    const { asking: say, scopes } = messages
    const page = (text: string) => html`<a href="${pageOf(account.name)}">${text}</a>`
    const invalid = wrong && html` autofocus`
    return html`<h1>${titleOf(say)}</h1>
${about(messages)}
<section class="card" aria-labelledby="what">
<h2 id="what">${say.what}</h2>
<dl>
<div><dt>${say.signsInAs}</dt><dd>${username}</dd></div>
<div><dt>${say.set}</dt><dd>${scopes.name(scopeName)}</dd></div>
<div><dt>${say.works}</dt><dd>${scopes.reach(scopeName)}</dd></div>
<div><dt>${say.may}</dt><dd>${say.readWrite}</dd></div>
</dl>
<form method="post" action="${action}" novalidate>
${formOf(user, session.csrf)}
${hidden}
${field(messages, {
  name: 'name',
  label: say.name,
  hint: say.nameHint,
  fault: wrong,
  input: html`value="${name(messages)}" maxlength="${longestPasswordName}" autocomplete="off" spellcheck="false" required${invalid}`,
})}
<div class="choices">
<button type="submit" name="answer" value="yes">${say.yes}</button>
<button class="secondary" type="submit" name="answer" value="no">${say.no}</button>
</div>
</form>
</section>
<p class="hint">${say.renews(page)}</p>`
  }
  return {
    status: wrong === undefined ? 200 : 422,
    csrf: session.csrf,
    title: ({ asking, frame }) => wrongTitle(frame, titleOf(asking), wrong !== undefined),
    main,
  }
}

function wrongTitle({ error }: Messages['frame'], title: string, isWrong: boolean): string {
  return isWrong ? `${error} ${title}` : title
}

/** Sends the browser to the helper. Not by a redirect: browsers apply `form-action` to what a form is redirected to. */
export function backToHelper(location: string, helper: string, allowed: boolean): Page {
  const title = ({ asking: say }: Messages) => (allowed ? say.toTerminal : say.refused)
  const on = (text: string) => html`<a class="button" href="${location}">${text}</a>`
  return {
    status: 200,
    title,
    refresh: location,
    main: messages => {
      const { asking: say } = messages
      return html`<h1>${title(messages)}</h1>
<p class="lead">${allowed ? say.has(helper) : say.told(helper)}</p>
<p>${say.ifNothing(on)}</p>`
    },
  }
}

export function deviceAnswered(helper: string, allowed: boolean): Page {
  const title = ({ asking: say }: Messages) => (allowed ? say.toDevice : say.refused)
  return {
    status: 200,
    title,
    main: messages => {
      const { asking: say } = messages
      return html`<h1>${title(messages)}</h1>
<p class="lead">${allowed ? say.goesOn(helper) : say.toldDevice(helper)}</p>`
    },
  }
}

/** Asks for the code that a device shows. `wrong`: what was entered before. */
export function askForCode(wrong?: string): Page {
  return {
    status: wrong === undefined ? 200 : 404,
    title: ({ asking: say, frame }) =>
      wrong === undefined ? say.enterCode : wrongTitle(frame, say.wrongCodeTitle, true),
    main: messages => {
      const { asking: say, welcome } = messages
      return html`<h1>${say.enterCode}</h1>
<p class="lead">${say.codeLead}</p>
<form class="card" method="get" action="/_altgate/device" novalidate>
${field(messages, {
  name: 'user_code',
  label: say.code,
  hint: say.codeHint(html`<code>BCDF-GHJK</code>`),
  fault: wrong === undefined ? undefined : () => say.wrongCode,
  input: html`value="${wrong?.slice(0, 20)}" autocomplete="off" autocapitalize="characters" spellcheck="false" required${
    wrong !== undefined && html` autofocus`
  }`,
})}
<button type="submit">${welcome.go}</button>
</form>`
    },
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
  const { name } = requested.account
  const title = ({ asking: say }: Messages) => (again ? say.againTitle : say.signInTitle(name))
  const signIn = html`${signInAt(requested, again ? 'again' : undefined)}&amp;next=${encodeURIComponent(next)}`
  const choose = (text: string) => html`<a href="${other}">${text}</a>`
  return {
    status: 200,
    title,
    main: messages => {
      const { asking: say, welcome } = messages
      return html`<h1>${title(messages)}</h1>
<p class="lead">${say.asks(html`<b>${helper}</b>`, html`<b>${name}</b>`)} ${again ? say.againLead : say.signInLead}</p>
<section class="card" aria-labelledby="who">
<h2 id="who">${say.yourAccount}</h2>
<dl>
<div><dt>${welcome.account}</dt><dd>${name}</dd></div>
</dl>
<p><a class="button" href="${signIn}">${welcome.signIn}</a></p>
</section>
<p class="hint">${say.wrongAccount(choose)}</p>`
    },
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
  return {
    status: wrong === undefined ? 200 : 404,
    title: ({ welcome: say }) => (wrong === undefined ? say.which : say.noSuch),
    main: messages => {
      const { asking, welcome: say } = messages
      return html`<h1>${say.whichHeading}</h1>
<p class="lead">${asking.whichLead(html`<b>${helper}</b>`)}</p>
<form class="card" method="get" action="${action}" novalidate>
${[...hidden].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${accountField(messages, wrong?.replace(/\p{C}/gu, '').slice(0, 64), wrong === undefined ? undefined : () => say.unknown)}
<button type="submit">${say.go}</button>
</form>`
    },
  }
}

/** Why a user cannot give a helper a password. */
export type Cannot = keyof Sentences['reasons']

export function cannotGive({ account, session }: SignedInUser, helper: string, why: Cannot): Page {
  return {
    status: 409,
    csrf: session.csrf,
    title: ({ asking: say }) => say.cannot(helper),
    main: ({ asking: say }) => html`<h1>${say.cannot(helper)}</h1>
<p class="lead">${say.reasons[why].what}</p>
<p>${say.reasons[why].next}</p>
<p><a class="button" href="${pageOf(account.name)}">${say.toPage}</a></p>`,
  }
}

/**
 * A request that cannot be sent back, because where it comes from cannot be trusted. `why`: what the standard says about it, in
 * English; left out: the helper is not known.
 */
export function unknownHelper(why?: string): Page {
  const quoted = why !== undefined && html`<span lang="en">${why}</span>`
  return {
    status: 400,
    title: ({ asking: say }) => say.notValid,
    main: ({ asking: say, frame }) => html`<h1>${say.notValid}</h1>
<p class="lead">${say.notValidLead(quoted || say.notKnown)}</p>
<p>${say.notValidNext}</p>
<p><a href="/_altgate/">${frame.home}</a></p>`,
  }
}

export const startAgain: Page = {
  status: 409,
  title: ({ asking: say }) => say.answered,
  main: ({ asking: say }) => html`<h1>${say.answered}</h1>
<p class="lead">${say.answeredLead}</p>
<p>${say.answeredNext}</p>`,
}

function spelled(code: string): string {
  const letters = code.toUpperCase().replace(/[^A-Z]/g, '')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}
