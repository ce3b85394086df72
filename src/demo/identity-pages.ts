import { createHash } from 'node:crypto'
import { microsoftAccountsTenant } from '../gateway/names.ts'
import { contosoDirectory, northwindDirectory } from './people.ts'

/** What the forms of a demo authority show. */
interface Step {
  readonly authority: PlayedAuthority
  readonly people: readonly Person[]
  readonly action: string
  /** The form was sent before, and could not be accepted. */
  readonly wrong: boolean
  /** What is asked for, separated by spaces. */
  readonly scopes: string
  /** Only an administrator can give the consent. */
  readonly byAdministrator: boolean
}

/** The sign-in form of a demo authority. It shows the passwords, which are public. */
export function signInForm({ authority, people, action, wrong }: Step): string {
  const rows = people.map(
    ({ email, password, at }) =>
      `<tr><td>${email}</td><td><code>${password}</code></td><td>${at.includes(authority.path) ? 'yes' : 'no'}</td></tr>`,
  )
  return page(
    `Sign in to ${authority.name}`,
    `<p class="from">Demo sign-in</p>
<h1>Sign in to ${authority.name}</h1>
${wrong ? '<p class="error" id="error" role="alert">Wrong e-mail address or password.</p>' : ''}
<form method="post" action="${escaped(action)}">
<label for="login">E-mail address</label>
<input id="login" name="login" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus${wrong ? ' aria-describedby="error"' : ''}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
</form>
${cancelForm(action)}
<table><caption>Who can sign in here</caption>
<thead><tr><th scope="col">Address</th><th scope="col">Password</th><th scope="col">Known here</th></tr></thead>
<tbody>${rows.join('')}</tbody></table>`,
  )
}

/** Asks for consent to what an application wants beyond the name of the user. */
export function consentForm({ authority, action, scopes, byAdministrator }: Step): string {
  const wanted = scopes.split(' ').filter(scope => !['openid', 'profile', 'email'].includes(scope))
  const title = byAdministrator ? 'Approval required' : 'Permissions requested'
  return page(
    `${title} by ${authority.name}`,
    `<p class="from">Demo sign-in</p>
<h1>${title}</h1>
<p>Altgate would like to:</p>
<ul>${wanted.map(scope => `<li>${escaped(consentTexts[scope] ?? `Access ${scope.replace('/.default', '')} as you`)}</li>`).join('')}</ul>
${
  byAdministrator
    ? `<p class="error" role="alert">Only an administrator of ${authority.name} can allow this.</p>`
    : `<form method="post" action="${escaped(action)}"><button type="submit" name="accept" value="yes">Accept</button></form>`
}
${cancelForm(action)}`,
  )
}

const consentTexts: Readonly<Record<string, string>> = {
  offline_access: 'Maintain access to data you have given it access to',
  '499b84ac-1321-427f-aa17-267ca6975798/.default': 'Access Azure DevOps as you',
}

function cancelForm(action: string): string {
  return `<form method="post" action="${escaped(action)}"><button class="quiet" type="submit" name="cancel" value="yes">Cancel</button></form>`
}

/** The page for a sign-in that failed. */
export function troublePage(sentence: string): string {
  return page('Sign-in failed', `<h1>Sign-in failed</h1><p>${escaped(sentence)}</p>`)
}

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><link rel="icon" href="data:,"><style>${style}</style></head><body><main>${main}</main></body></html>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

const style = `
:root{color-scheme:light dark;--ink:light-dark(#1d2230,#e8ebf2);--soft:light-dark(#586174,#a7b0c2);--paper:light-dark(#fff,#1c212c);
--ground:light-dark(#ece7f5,#14131a);--line:light-dark(#8d96a8,#6b7488);--accent:light-dark(#6a3fb5,#bda2f3);--on:light-dark(#fff,#17141f)}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:27rem;margin:8vh auto 2rem;padding:2rem 1.5rem;background:var(--paper);border-radius:12px}
h1{font-size:1.4rem;line-height:1.25;margin:.25rem 0 1.25rem}.from{margin:0;color:var(--accent);font-weight:600}
label{display:block;font-weight:600;margin:.9rem 0 .25rem}
input{width:100%;font:inherit;color:inherit;background:transparent;padding:.55rem .7rem;border:1px solid var(--line);border-radius:8px}
button{font:inherit;font-weight:600;width:100%;margin-top:1.1rem;padding:.6rem;border:0;border-radius:8px;background:var(--accent);color:var(--on);cursor:pointer}
button.quiet{background:none;color:var(--ink);margin-top:.4rem;font-weight:400;text-decoration:underline}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.error{border-left:4px solid light-dark(#b3261e,#ff9d94);padding-left:.75rem}
table{width:100%;margin-top:1.5rem;font-size:.85rem;border-collapse:collapse}caption{text-align:left;color:var(--soft);padding-bottom:.25rem}
th,td{text-align:left;padding:.3rem .4rem .3rem 0;border-top:1px solid light-dark(#dde1e9,#343b49);overflow-wrap:anywhere}
`

/** One authority that the demo's identity provider plays. */
export interface PlayedAuthority {
  /** The first segments of its issuer's path. */
  readonly path: string
  readonly name: string
  /** What its tokens say as `tid`. */
  readonly tenant: string
}

/** A user who can sign in. */
export interface Person {
  readonly email: string
  readonly name: string
  readonly password: string
  /** What ID tokens say as `groups`; `too-many`: as Entra ID says that it leaves them out. */
  readonly groups?: readonly string[] | 'too-many'
  /** Paths of the authorities that know this user. */
  readonly at: readonly string[]
}

export const authorities: readonly PlayedAuthority[] = [
  { path: 'msa', name: 'Microsoft accounts', tenant: microsoftAccountsTenant },
  { path: 'contoso', name: contosoDirectory.name, tenant: contosoDirectory.id },
  { path: 'northwind', name: northwindDirectory.name, tenant: northwindDirectory.id },
]

/** These passwords are public: never protect anything of value with them. */
export const people: readonly Person[] = [
  {
    email: 'anna@example.com',
    name: 'Anna',
    password: 'anna-demo',
    at: ['msa', 'contoso', 'northwind'],
  },
  { email: 'ben@example.com', name: 'Ben', password: 'ben-demo', at: ['northwind'] },
]

/**
 * The claims in a token of an authority about a user. An authority also signs in users it does not know, as users of another
 * directory, as a multi-tenant app registration does: the page must notice that.
 */
export function claimsOf({ email, name, at, groups }: Person, authority: PlayedAuthority) {
  const home = at.includes(authority.path) ? authority : authorities.find(({ path }) => at.includes(path))
  const tid = home?.tenant ?? authority.tenant
  return {
    sub: createHash('sha256').update(`${authority.path} ${email}`).digest('base64url'),
    oid: guidOf(`${tid} ${email}`),
    tid,
    name,
    preferred_username: email,
    email,
    email_verified: true,
    ...(groups === 'too-many' ? { _claim_names: { groups: 'src1' } } : groups && { groups }),
  }
}

function guidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
}
