import type { Username } from '../../gateway/names.ts'
import type { Wanted } from '../acting.ts'
import { html, type Html, type Page } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { formOf, pageAt, type Place, type ScopeName } from '../scope-names.ts'
import type { Identity } from '../session.ts'
import { whatIsAskedFor } from './acting.ts'

/** Another identity that this user has signed in with, in the same session. */
export interface OtherIdentity {
  readonly identity: Identity
  readonly scopeName: ScopeName
  /** Whether that sign-in is recent enough for changes. */
  readonly fresh: boolean
  /** Whether both identities are linked as one person. */
  readonly linked: boolean
}

/** What the forms that link identities need. */
interface LinkForm extends Place {
  readonly scopeName: ScopeName
  readonly csrf: string
  readonly fresh: boolean
  readonly others: readonly OtherIdentity[]
  readonly links: readonly Link[]
}

/** A linked identity, whether it has signed in in this session or not. */
export interface Link {
  readonly scopeName: ScopeName
  /** Of its credential, or of its sign-in in this session. */
  readonly username: Username | undefined
}

/** Offers to link the identities of one person, and to end links: a bridged move accepts old passwords of linked users only. */
export function linkedIdentities(messages: Messages, form: LinkForm): Html | false {
  const { others, links, scopeName } = form
  const { linking: say, scopes } = messages
  const unlinked = others.filter(({ linked }) => !linked)
  if (unlinked.length === 0 && links.length === 0) return false
  return html`<section class="card" aria-labelledby="selves">
<h2 id="selves">${say.heading}</h2>
<p>${unlinked.length === 0 ? say.linked(scopeName) : say.unlinked(scopeName)} ${say.why}</p>
<ul class="sets">
${unlinked.map(
  other => html`<li><span>${scopes.name(other.scopeName)}<br><span class="hint">${other.identity.username ?? say.noUsername}</span></span>
${answer(messages, form, other)}</li>`,
)}
${links.map(link => linkItem(messages, form, link))}
</ul>
</section>`
}

function linkItem({ linking: say, scopes }: Messages, form: LinkForm, { scopeName, username }: Link): Html {
  return html`<li><span>${scopes.name(scopeName)}<br><span class="hint">${
    username === undefined ? say.isLinked : say.linkedAs(username)
  }</span></span>
${
  form.fresh &&
  html`<details class="sure"><summary>${say.unlink(scopeName)}</summary>
<form method="post" action="/_altgate/unlink">
${formOf(form, form.csrf)}
<input type="hidden" name="from" value="${scopeName.scope}">
<p class="hint">${say.unlinkHint}</p>
<button class="danger" type="submit">${say.unlinkNow(scopeName)}</button>
</form></details>`
}</li>`
}

function answer(
  { linking: say, profile }: Messages,
  form: LinkForm,
  { scopeName, identity, ...other }: OtherIdentity,
): Html | false {
  if (!form.fresh) return false
  if (!other.fresh)
    return html`<form method="post" action="/_altgate/sign-in-too">
${formOf(form, form.csrf)}
<input type="hidden" name="also" value="${identity.account}">
${identity.coming && html`<input type="hidden" name="also-scope" value="${identity.scope}">`}
<button class="secondary" type="submit">${profile.signInAgainFor(scopeName)}</button>
</form>`
  return html`<form method="post" action="/_altgate/link">
${formOf(form, form.csrf)}
<input type="hidden" name="with" value="${scopeName.scope}">
<button class="secondary" type="submit">${say.alsoMe(scopeName)}</button>
</form>`
}

/** Starts another sign-in that is kept together with this one. */
export function signInTooForm({ linking: say }: Messages, form: Place & Pick<LinkForm, 'csrf'>): Html {
  return html`<form method="post" action="/_altgate/sign-in-too" class="aside">
${formOf(form, form.csrf)}
<div class="field">
<label for="also">${say.too}</label>
<p class="hint" id="also-hint">${say.tooHint}</p>
<input id="also" name="also" autocomplete="off" autocapitalize="none" spellcheck="false" required
 aria-describedby="also-hint">
</div>
<button class="secondary" type="submit">${say.go}</button>
</form>`
}

/** Leads to the provider by a link: the page's `form-action` does not let a form redirect to another site. */
export function continueToProvider({
  from,
  scopeName,
  to,
  wanted,
}: {
  readonly from: Place
  readonly scopeName: ScopeName
  readonly to: URL
  readonly wanted: Wanted | undefined
}): Page {
  return {
    status: 200,
    title: ({ linking: say }) => say.tooFor(scopeName),
    main: messages => {
      const { linking: say, scopes, welcome } = messages
      return html`<h1>${say.tooFor(scopeName)}</h1>
<p class="lead">${say.tooForLead(scopeName)}</p>
${
  wanted &&
  html`<section class="card" aria-labelledby="asked">
<h2 id="asked">${welcome.allowed}</h2>
${whatIsAskedFor(messages, wanted, scopes.keeper(scopeName))}
</section>`
}
<p><a class="button" href="${to.href}">${say.go}</a></p>
<p class="hint"><a href="${pageAt(from)}">${say.back}</a></p>`
    },
  }
}
