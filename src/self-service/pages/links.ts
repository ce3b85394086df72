import type { Username } from '../../gateway/names.ts'
import type { Wanted } from '../acting.ts'
import { html, type Html, type Page } from '../html.ts'
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
export function linkedIdentities(form: LinkForm): Html | false {
  const { others, links } = form
  const unlinked = others.filter(({ linked }) => !linked)
  if (unlinked.length === 0 && links.length === 0) return false
  return html`<section class="card" aria-labelledby="selves">
<h2 id="selves">Link your sign-ins</h2>
<p>${
    unlinked.length === 0
      ? html`These identities are linked to the one for ${form.scopeName.name}.`
      : html`You are signed in for ${form.scopeName.name} and with the identities below. If they are yours, link them.`
  } When an account moves from one to another, its operator can let linked users keep their old password for a few hours.</p>
<ul class="sets">
${unlinked.map(
  other => html`<li><span>${other.scopeName.name}<br><span class="hint">${other.identity.username ?? 'no user name'}</span></span>
${answer(form, other)}</li>`,
)}
${links.map(link => linkItem(form, link))}
</ul>
</section>`
}

function linkItem(form: LinkForm, { scopeName, username }: Link): Html {
  return html`<li><span>${scopeName.name}<br><span class="hint">${username && html`${username}, `}linked</span></span>
${
  form.fresh &&
  html`<details class="sure"><summary>Unlink<span class="visually-hidden"> ${scopeName.name}</span></summary>
<form method="post" action="/_altgate/unlink">
${formOf(form, form.csrf)}
<input type="hidden" name="from" value="${scopeName.scope}">
<p class="hint">After a move, an old password that still works because of the link stops working at once. Your credentials stay
as they are. To link again, you sign in to both.</p>
<button class="danger" type="submit">Unlink<span class="visually-hidden"> ${scopeName.name}</span> now</button>
</form></details>`
}</li>`
}

function answer(form: LinkForm, { scopeName, identity, ...other }: OtherIdentity): Html | false {
  if (!form.fresh) return false
  if (!other.fresh)
    return html`<form method="post" action="/_altgate/sign-in-too">
${formOf(form, form.csrf)}
<input type="hidden" name="also" value="${identity.account}">
${identity.coming && html`<input type="hidden" name="also-scope" value="${identity.scope}">`}
<button class="secondary" type="submit">Sign in again<span class="visually-hidden"> for ${scopeName.name}</span></button>
</form>`
  return html`<form method="post" action="/_altgate/link">
${formOf(form, form.csrf)}
<input type="hidden" name="with" value="${scopeName.scope}">
<button class="secondary" type="submit">This is also me<span class="visually-hidden"> (${scopeName.name})</span></button>
</form>`
}

/** Starts another sign-in that is kept together with this one. */
export function signInTooForm(form: Place & Pick<LinkForm, 'csrf'>): Html {
  return html`<form method="post" action="/_altgate/sign-in-too" class="aside">
${formOf(form, form.csrf)}
<div class="field">
<label for="also">Sign in for another account as well</label>
<p class="hint" id="also-hint">Your current sign-in is kept, so that you can link the two. Signing in any other way ends it.</p>
<input id="also" name="also" autocomplete="off" autocapitalize="none" spellcheck="false" required
 aria-describedby="also-hint">
</div>
<button class="secondary" type="submit">Continue</button>
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
    title: `Sign in for ${scopeName.name} as well`,
    main: html`<h1>Sign in for ${scopeName.name} as well</h1>
<p class="lead">Sign in with ${scopeName.signInAs}. Your current sign-in is kept.</p>
${
  wanted &&
  html`<section class="card" aria-labelledby="asked">
<h2 id="asked">What you allow by signing in</h2>
${whatIsAskedFor(wanted, scopeName.name)}
</section>`
}
<p><a class="button" href="${to.href}">Continue</a></p>
<p class="hint"><a href="${pageAt(from)}">Back without signing in</a></p>`,
  }
}
