import type { Instant } from '../../gateway/names.ts'
import { longestPasswordName, mostPasswords, type PasswordRecord } from '../../gateway/registry.ts'
import type { PasswordLives } from '../../passwords/named.ts'
import { html, type Html, moment } from '../html.ts'
import { formOf, pageAt } from '../scope-names.ts'
import { fault, field } from './fields.ts'
import type { Feedback, Profile } from './profile.ts'

/** The generated passwords of a set, for its page. */
export interface OwnPasswords {
  /** Newest first. */
  readonly all: readonly PasswordRecord[]
  /** Changes with each password that is added, so that a form that is sent twice is detected. */
  readonly state: string
  readonly lives: PasswordLives
  readonly now: Instant
}

/** A password to create, as it was typed. */
export interface Wanted {
  readonly name: string
  readonly lastDay: string
  readonly readOnly: boolean
  /** Hours for which the replaced one goes on working. */
  readonly hours: string
  /** The one that it replaces. */
  readonly replaced: PasswordRecord | undefined
}

const dayMs = 24 * 60 * 60 * 1000

/** Passwords that no longer work and are listed. */
const mostEnded = 20

/** Milliseconds before its end in which a password is marked. */
const endsSoon = 14 * dayMs

/** Whether it counts and no other has taken its name. */
export function isCurrent({ over, replacedAt }: PasswordRecord): boolean {
  return over === undefined && replacedAt === undefined
}

/** Since when there is a main password, and whether it was chosen. */
export function mainPassword({
  credential,
  passwords,
}: Pick<Profile, 'credential' | 'passwords'>):
  | { readonly how: 'chosen' | 'generated'; readonly setAt: Instant }
  | undefined {
  const generated = passwords.all.find(each => each.name === undefined && isCurrent(each))
  if (generated !== undefined) return { how: 'generated', setAt: generated.setAt }
  const isChosen = credential !== undefined && credential.algorithm !== 'generated'
  return isChosen ? { how: 'chosen', setAt: credential.setAt } : undefined
}

/** What a password is called where users read of it. */
export function calledIn({ name }: PasswordRecord): string {
  return name ?? 'Main password'
}

/** The passwords that work, and those that have ended lately. */
export function passwordTable(shown: Profile): Html | false {
  const { all } = shown.passwords
  if (all.length === 0) return false
  const working = all.filter(({ over }) => over === undefined)
  const ended = all.filter(({ over }) => over !== undefined).slice(0, mostEnded)
  const named = working.filter(({ name }) => name !== undefined)
  return html`<section class="card" aria-labelledby="passwords">
<h2 id="passwords">Your generated passwords</h2>
${working.length === 0 ? html`<p>None of them works any more.</p>` : tableOf(shown, working)}
${shown.fresh && named.length > 1 && revokeAll(shown, named.length)}
${
  ended.length > 0 &&
  html`<details class="ended"><summary>Passwords that no longer work (${ended.length})</summary>
<ul class="sets">${ended.map(endedItem)}</ul></details>`
}
</section>`
}

/** Cells say their heading themselves where they stand below one another, and rows keep their roles there. */
function tableOf(shown: Profile, working: readonly PasswordRecord[]): Html {
  return html`<table class="passwords" role="table" aria-labelledby="passwords">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Ends</th><th role="columnheader" scope="col">Last used</th>${
    shown.fresh && html`<th role="columnheader" scope="col"><span class="visually-hidden">Change</span></th>`
  }</tr></thead>
<tbody role="rowgroup">
${working.map(each => row(shown, each))}
</tbody>
</table>`
}

function row(shown: Profile, each: PasswordRecord): Html {
  const { endsAt, readOnly, setAt, client, replacedAt } = each
  const soon = replacedAt === undefined && endsAt !== undefined && endsAt < shown.passwords.now + endsSoon
  return html`<tr role="row">
<th role="rowheader" scope="row"><span class="called">${calledIn(each)}</span>${badge(each)}
<span class="hint">${readOnly ? 'Read only' : 'Read and write'}, set ${moment(setAt)}${client !== undefined && html`, by ${client}`}</span></th>
<td role="cell" data-label="Ends">${endsAt === undefined ? 'never' : ending(endsAt)}${
    soon && html`<br><span class="badge off">Ends soon</span>`
  }</td>
<td role="cell" data-label="Last used">${use(each)}</td>
${shown.fresh && html`<td role="cell" class="actions">${actions(shown, each)}</td>`}
</tr>`
}

/** The end of a password: as the day that was chosen, if it is the end of one. */
export function ending(at: Instant): Html {
  return at % dayMs === 0 ? html`${dayAt(at - dayMs)}, end of day (UTC)` : moment(at)
}

function badge({ replacedAt, lastUsed }: PasswordRecord): Html | false {
  if (replacedAt === undefined) return false
  const isSent = lastUsed !== undefined && lastUsed.at >= replacedAt
  return html` <span class="badge off">${isSent ? 'Replaced, still in use' : 'Replaced'}</span>`
}

/** For one that was replaced: who still sends it. */
function use({ lastUsed, replacedAt }: PasswordRecord): Html {
  if (lastUsed === undefined) return html`<span class="none">not yet</span>`
  const { at, from, tool } = lastUsed
  return html`${moment(at)}<br>${tool !== undefined && html`by ${tool} `}from ${from}${
    replacedAt !== undefined &&
    at < replacedAt &&
    html`<br><span class="hint">Not since it was replaced</span>`
  }`
}

function actions(shown: Profile, each: PasswordRecord): Html {
  const called = calledIn(each)
  return html`${
    each.name !== undefined &&
    isCurrent(each) &&
    html`<a href="${pageAt(shown)}&amp;replace=${each.id}#add">Replace<span class="visually-hidden"> ${called}</span></a>`
  }
<details class="sure"><summary>Revoke<span class="visually-hidden"> ${called}</span></summary>
<form method="post" action="/_altgate/revoke">
${formOf(shown, shown.csrf)}
<input type="hidden" name="password" value="${each.id}">
<p class="hint">What uses it stops working at once.</p>
<button class="danger" type="submit">Revoke<span class="visually-hidden"> ${called}</span> now</button>
</form></details>`
}

function revokeAll(shown: Profile, many: number): Html {
  return html`<details class="sure"><summary>Revoke all</summary>
<form method="post" action="/_altgate/revoke">
${formOf(shown, shown.csrf)}
<input type="hidden" name="all" value="1">
<p class="hint">All ${many} passwords that have a name stop working at once, everywhere. A main password stays.</p>
<button class="danger" type="submit">Revoke all now</button>
</form></details>`
}

function endedItem(each: PasswordRecord): Html {
  const { over, lastUsed } = each
  if (over === undefined) return html``
  const words = { 'past-its-end': 'Ended', replaced: 'Replaced', revoked: 'Revoked' }[over.cause]
  return html`<li><span><b>${calledIn(each)}</b><br><span class="hint">${words} ${moment(over.at)}. Last used ${
    lastUsed === undefined ? 'never' : html`${moment(lastUsed.at)} from ${lastUsed.from}`
  }.</span></span></li>`
}

/** Creates a password, or replaces one. Works without a script. */
export function addForm(shown: Profile, feedback: Feedback): Html {
  const { passwords } = shown
  const { all, lives, now } = passwords
  const wanted = feedback.adding ?? {
    name: '',
    lastDay: dayAt(now + lives.defaultLifeDays * dayMs),
    readOnly: false,
    hours: '0',
    replaced: undefined,
  }
  const { replaced } = wanted
  const isFull = all.filter(each => isCurrent(each) && each.name !== undefined).length >= mostPasswords
  const { faults = {} } = feedback
  return html`<section class="card" aria-labelledby="add">
<h2 id="add">${replaced ? html`Replace ${calledIn(replaced)}` : 'Add a new password'}</h2>
${
  replaced
    ? html`<p>A new password takes its place. <a href="${pageAt(shown)}">Add another one instead</a>.</p>`
    : html`<p>For one tool or machine. Altgate generates it, and it ends by itself. ${
        shown.credential === undefined
          ? html`The user name is <b>${shown.username}</b>.`
          : 'Your other passwords stay as they are.'
      }</p>`
}
${
  isFull && !replaced
    ? html`<p class="note">You have ${mostPasswords} passwords with a name, and cannot have more. Revoke or replace one.</p>`
    : html`<form method="post" action="/_altgate/password" novalidate>
${formOf(shown, shown.csrf)}
<input type="hidden" name="seen" value="${passwords.state}">
<div class="beside">
${
  replaced
    ? html`<input type="hidden" name="replace" value="${replaced.id}">`
    : field({
        name: 'name',
        label: 'Name',
        hint: html`What it is for, such as <code>laptop</code> or <code>build-7</code>.`,
        fault: faults.name,
        input: html`value="${wanted.name}" maxlength="${longestPasswordName}" autocomplete="off" autocapitalize="none" spellcheck="false"`,
      })
}
${field({
  name: 'ends',
  label: 'Last day',
  hint: html`It stops working at the end of this day (UTC). ${dayAt(now + lives.maxLifeDays * dayMs)} at the latest${
    lives.allowEndless ? '; leave it empty for no end' : ''
  }.`,
  fault: faults.ends,
  input: html`type="date" value="${wanted.lastDay}" min="${dayAt(now)}" max="${dayAt(now + lives.maxLifeDays * dayMs)}" autocomplete="off"`,
})}
</div>
<fieldset id="access" class="${faults.access && 'wrong'}">
<legend>What it may do</legend>
${fault('access', faults.access)}
<div class="beside">
<label class="choice"><input type="radio" name="access" value="write"${!wanted.readOnly && html` checked`} aria-labelledby="write" aria-describedby="write-hint">
<span><b id="write">Read and write</b><br><span class="hint" id="write-hint">Everything that you may do yourself.</span></span></label>
<label class="choice"><input type="radio" name="access" value="read"${wanted.readOnly && html` checked`} aria-labelledby="read" aria-describedby="read-hint">
<span><b id="read">Read only</b><br><span class="hint" id="read-hint">Clone and fetch, but no push, upload or check-in.</span></span></label>
</div>
</fieldset>
${
  replaced &&
  field({
    name: 'hours',
    label: 'Hours for which the old one still works',
    hint: html`0 to ${lives.maxGraceHours}. With 0 it stops working at once.`,
    fault: faults.hours,
    input: html`type="number" min="0" max="${lives.maxGraceHours}" step="1" value="${wanted.hours}" inputmode="numeric" autocomplete="off"`,
  })
}
<button type="submit">${replaced ? 'Replace password' : 'Create password'}</button>
</form>`
}
</section>`
}

/** The day of a time in UTC, as a date field has it. */
export function dayAt(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10)
}
