import type { AccountName, Username } from '../../gateway/names.ts'
import type { InDoubt } from '../../gateway/outage.ts'
import type { Failing } from '../context.ts'
import { html, type Html, type Page, type Said } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { pageAt, type Place, type ScopeName, signInAt, signInOnly } from '../scope-names.ts'

type Sentences = Messages['trouble']

/** A part of such a page. */
type Part = (say: Sentences, messages: Messages) => Html | false

/** A page that says what went wrong and what to do next. */
function trouble(status: number, titleOf: (say: Sentences) => string, ...parts: readonly Part[]): Page {
  const title: Said<string> = messages => titleOf(messages.trouble)
  return {
    status,
    title,
    main: messages => html`<h1>${title(messages)}</h1>${parts.map(part => part(messages.trouble, messages))}`,
  }
}

function lead(sentence: (say: Sentences) => Html | string): Part {
  return say => html`<p class="lead">${sentence(say)}</p>\n`
}

function next(sentence: (say: Sentences) => Html | string): Part {
  return say => html`<p>${sentence(say)}</p>\n`
}

function button(href: string, words: (say: Sentences, messages: Messages) => string): Part {
  return (say, messages) => html`<p><a class="button" href="${href}">${words(say, messages)}</a></p>\n`
}

const home: Part = (_, { frame }) => html`<p><a href="/_altgate/">${frame.home}</a></p>\n`

/** An identity provider failed. */
export function providerTrouble(failing: Failing): Page {
  const what = lead(say => say.providerLead(failing))
  const again = next(say => say.again)
  return {
    ...trouble(failing === 'slow' ? 504 : 502, say => say.provider, what, again, home),
    reference: true,
  }
}

/** The store, or another part of the gateway, is down. */
export function partUnavailable(retryAfter: number): Page {
  const what = lead(say => say.unavailableLead)
  const again = next(say => say.again)
  return { ...trouble(503, say => say.unavailable, what, again), retryAfter, reference: true }
}

/** The store failed while a change was being committed or shown. */
export function inDoubt(made: InDoubt['made']): Page {
  const lost = next(say => say.lost)
  const maybe = [lead(say => say.maybeLead), next(say => say.maybeNext), lost, home]
  const page =
    made === 'made'
      ? trouble(
          503,
          say => say.made,
          lead(say => say.madeLead),
          lost,
          home,
        )
      : trouble(503, say => say.maybe, ...maybe)
  return { ...page, reference: true }
}

/** The hash queue is full. */
export function busy(place: Place): Page {
  const back = button(pageAt(place), say => say.busyNext)
  return {
    ...trouble(
      503,
      say => say.busy,
      lead(say => say.busyLead),
      back,
    ),
    retryAfter: 5,
    reference: true,
  }
}

export function tooManyRequests(retryAfter: number): Page {
  const wait = Math.max(1, retryAfter)
  const later = next(say => say.tooManyNext(wait))
  return {
    ...trouble(
      429,
      say => say.tooMany,
      lead(say => say.tooManyLead),
      later,
    ),
    retryAfter: wait,
  }
}

export const noSuchPage = trouble(
  404,
  say => say.noSuchPage,
  lead(say => say.noSuchPageLead),
  home,
)

export const notUnderstood = trouble(
  400,
  say => say.notUnderstood,
  lead(say => say.notUnderstoodLead),
  home,
)

export const tooLarge = trouble(
  413,
  say => say.tooLarge,
  lead(say => say.tooLargeLead),
  home,
)

const formType = html`<code>application/x-www-form-urlencoded</code>`

export const wrongType = trouble(
  415,
  say => say.wrongType,
  lead(say => say.wrongTypeLead(formType)),
  home,
)

export const plainHttp = trouble(
  403,
  say => say.plainHttp,
  lead(say => say.plainHttpLead),
)

/** The form was not sent from a page of this session. */
export const notFromHere = trouble(
  403,
  say => say.notFromHere,
  lead(say => say.notFromHereLead),
  next(say => say.notFromHereNext),
  home,
)

/** A change was requested without a sign-in for the account, which may not exist. */
export function signedOut(place: Place): Page {
  const signIn = button(signInAt(place), (_, { welcome }) => welcome.signIn)
  return trouble(
    403,
    say => say.signedOut,
    lead(say => say.signedOutLead),
    signIn,
  )
}

/** The sign-in is too old for a change. */
export function stale(place: Place): Page {
  const signIn = button(signInAt(place, 'again'), say => say.stale)
  return trouble(
    403,
    say => say.stale,
    lead(say => say.staleLead),
    signIn,
  )
}

/** The form or link is for a scope that the account does not sign in with, and that no move leads to. */
export function elsewhereNow(account: AccountName, scopeName: ScopeName): Page {
  const open = button(pageAt({ account: { name: account }, scopeName }), say => say.elsewhereNext)
  const what = lead(say => say.elsewhereLead(html`<b>${account}</b>`, scopeName))
  return trouble(409, say => say.elsewhere, what, open)
}

export const signInLost = trouble(
  400,
  say => say.signInLost,
  lead(say => say.signInLostLead),
  next(say => say.signInLostNext),
  home,
)

/** `asked`: the sign-in asked for more than who the user is, which may be why it was denied. */
export function declined(place: Place, asked: boolean): Page {
  const only = (text: string) => html`<a href="${signInOnly(place)}">${text}</a>`
  return trouble(
    403,
    say => say.declined,
    lead(say => say.declinedLead),
    button(signInAt(place, 'other'), say => say.tryAgain),
    say => asked && html`<p>${say.approval(only)}</p>\n`,
  )
}

/** The user signed in to another directory. The page does not say to which one. */
export function wrongDirectory(place: Place & { readonly scopeName: ScopeName }): Page {
  const { account, scopeName } = place
  return trouble(
    403,
    say => say.wrongDirectory,
    lead(say => say.wrongDirectoryLead(html`<b>${account.name}</b>`, scopeName)),
    next(say => say.wrongDirectoryNext(scopeName)),
    button(signInAt(place, 'other'), say => say.otherAccount),
  )
}

/** The user name from the sign-in belongs to another person's credential: the address may have changed hands. */
export function nameTaken(scopeName: ScopeName, username: Username): Page {
  const what = lead(say => say.nameTakenLead(html`<b>${username}</b>`, scopeName))
  return {
    ...trouble(
      409,
      say => say.nameTaken,
      what,
      next(say => say.nameTakenNext),
    ),
    reference: true,
  }
}

/** No identity provider is configured for the scope of this account, which is not named: the account may not exist. */
export function noAuthority(account: AccountName): Page {
  const command = html`<code>altgate account show ${account}</code>`
  return trouble(
    503,
    say => say.noAuthority,
    lead(say => say.noAuthorityLead(html`<b>${account}</b>`)),
    next(say => say.noAuthorityNext),
    home,
    say => html`<p class="hint">${say.noAuthorityOperator(html`<code>signIn</code>`, command)}</p>\n`,
  )
}
