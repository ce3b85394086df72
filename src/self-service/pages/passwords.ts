import type { Instant } from '../../gateway/names.ts'
import { longestPasswordName, mostPasswords, type PasswordRecord } from '../../gateway/registry.ts'
import type { PasswordLives } from '../../passwords/named.ts'
import { html, type Html } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { formOf, pageAt } from '../scope-names.ts'
import { fault, type Faults, field } from './fields.ts'
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

type Sentences = Messages['passwords']

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
function calledIn({ passwords: say }: Messages, { name }: PasswordRecord): string {
  return name ?? say.main
}

/** The passwords that work, and those that have ended lately. */
export function passwordTable(messages: Messages, shown: Profile): Html | false {
  const { passwords: say } = messages
  const { all } = shown.passwords
  if (all.length === 0) return false
  const working = all.filter(({ over }) => over === undefined)
  const ended = all.filter(({ over }) => over !== undefined).slice(0, mostEnded)
  const named = working.filter(({ name }) => name !== undefined)
  return html`<section class="card" aria-labelledby="passwords">
<h2 id="passwords">${say.heading}</h2>
${working.length === 0 ? html`<p>${say.noneWorks}</p>` : tableOf(messages, shown, working)}
${shown.fresh && named.length > 1 && revokeAll(messages, shown, named.length)}
${
  ended.length > 0 &&
  html`<details class="ended"><summary>${say.ended(ended.length)}</summary>
<ul class="sets">${ended.map(each => endedItem(messages, each))}</ul></details>`
}
</section>`
}

/** Cells say their heading themselves where they stand below one another, and rows keep their roles there. */
function tableOf(messages: Messages, shown: Profile, working: readonly PasswordRecord[]): Html {
  const { passwords: say } = messages
  return html`<table class="passwords" role="table" aria-labelledby="passwords">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">${say.name}</th><th role="columnheader" scope="col">${say.ends}</th><th role="columnheader" scope="col">${say.lastUsed}</th>${
    shown.fresh &&
    html`<th role="columnheader" scope="col"><span class="visually-hidden">${say.change}</span></th>`
  }</tr></thead>
<tbody role="rowgroup">
${working.map(each => row(messages, shown, each))}
</tbody>
</table>`
}

function row(messages: Messages, shown: Profile, each: PasswordRecord): Html {
  const { passwords: say, times } = messages
  const { endsAt, readOnly, setAt, client, replacedAt } = each
  const soon = replacedAt === undefined && endsAt !== undefined && endsAt < shown.passwords.now + endsSoon
  const right = readOnly ? say.readOnly : say.readWrite
  const at = times.moment(setAt)
  return html`<tr role="row">
<th role="rowheader" scope="row"><span class="called">${calledIn(messages, each)}</span>${badge(say, each)}
<span class="hint">${client === undefined ? say.set(right, at) : say.setBy(right, at, client)}</span></th>
<td role="cell" data-label="${say.ends}">${endsAt === undefined ? say.never : ending(messages, endsAt)}${
    soon && html`<br><span class="badge off">${say.endsSoon}</span>`
  }</td>
<td role="cell" data-label="${say.lastUsed}">${use(messages, each)}</td>
${shown.fresh && html`<td role="cell" class="actions">${actions(messages, shown, each)}</td>`}
</tr>`
}

/** The end of a password: as the day that was chosen, if it is the end of one. */
export function ending({ passwords: say, times }: Messages, at: Instant): Html {
  return at % dayMs === 0 ? say.endOfDay(times.day(dayAt(at - dayMs))) : times.moment(at)
}

function badge(say: Sentences, { replacedAt, lastUsed }: PasswordRecord): Html | false {
  if (replacedAt === undefined) return false
  const isSent = lastUsed !== undefined && lastUsed.at >= replacedAt
  return html` <span class="badge off">${isSent ? say.replacedInUse : say.replaced}</span>`
}

/** For one that was replaced: who still sends it. */
function use({ passwords: say, times }: Messages, { lastUsed, replacedAt }: PasswordRecord): Html {
  if (lastUsed === undefined) return html`<span class="none">${say.notYet}</span>`
  const { at, from, tool } = lastUsed
  return html`${times.moment(at)}<br>${tool === undefined ? say.from(from) : say.byFrom(tool, from)}${
    replacedAt !== undefined && at < replacedAt && html`<br><span class="hint">${say.notSince}</span>`
  }`
}

function actions(messages: Messages, shown: Profile, each: PasswordRecord): Html {
  const { passwords: say } = messages
  const called = calledIn(messages, each)
  return html`${
    each.name !== undefined &&
    isCurrent(each) &&
    html`<a href="${pageAt(shown)}&amp;replace=${each.id}#add">${say.replace(called)}</a>`
  }
<details class="sure"><summary>${say.revoke(called)}</summary>
<form method="post" action="/_altgate/revoke">
${formOf(shown, shown.csrf)}
<input type="hidden" name="password" value="${each.id}">
<p class="hint">${say.revokeHint}</p>
<button class="danger" type="submit">${say.revokeNow(called)}</button>
</form></details>`
}

function revokeAll({ passwords: say }: Messages, shown: Profile, many: number): Html {
  return html`<details class="sure"><summary>${say.revokeAll}</summary>
<form method="post" action="/_altgate/revoke">
${formOf(shown, shown.csrf)}
<input type="hidden" name="all" value="1">
<p class="hint">${say.revokeAllHint(many)}</p>
<button class="danger" type="submit">${say.revokeAllNow}</button>
</form></details>`
}

function endedItem(messages: Messages, each: PasswordRecord): Html {
  const { passwords: say, times } = messages
  const { over, lastUsed } = each
  if (over === undefined) return html``
  return html`<li><span><b>${calledIn(messages, each)}</b><br><span class="hint">${say.over[over.cause](times.moment(over.at))} ${
    lastUsed === undefined ? say.neverUsed : say.usedFrom(times.moment(lastUsed.at), lastUsed.from)
  }</span></span></li>`
}

/** Creates a password, or replaces one. Works without a script. */
export function addForm(messages: Messages, shown: Profile, feedback: Feedback): Html {
  const { passwords: say } = messages
  const { all, lives, now } = shown.passwords
  const wanted = feedback.adding ?? {
    name: '',
    lastDay: dayAt(now + lives.defaultLifeDays * dayMs),
    readOnly: false,
    hours: '0',
    replaced: undefined,
  }
  const { replaced } = wanted
  const isFull = all.filter(each => isCurrent(each) && each.name !== undefined).length >= mostPasswords
  return html`<section class="card" aria-labelledby="add">
<h2 id="add">${replaced ? say.replacing(calledIn(messages, replaced)) : say.add}</h2>
${
  replaced
    ? html`<p>${say.replacingLead} <a href="${pageAt(shown)}">${say.addInstead}</a>.</p>`
    : html`<p>${say.addLead} ${
        shown.credential === undefined ? say.addFirst(html`<b>${shown.username}</b>`) : say.addMore
      }</p>`
}
${
  isFull && !replaced
    ? html`<p class="note">${say.full(mostPasswords)}</p>`
    : html`<form method="post" action="/_altgate/password" novalidate>
${formOf(shown, shown.csrf)}
<input type="hidden" name="seen" value="${shown.passwords.state}">
${addFields(messages, shown.passwords, wanted, feedback.faults ?? {})}
<button type="submit">${replaced ? say.doReplace : say.doAdd}</button>
</form>`
}
</section>`
}

function addFields(messages: Messages, { lives, now }: OwnPasswords, wanted: Wanted, faults: Faults): Html {
  const { passwords: say, times } = messages
  const { replaced } = wanted
  const last = dayAt(now + lives.maxLifeDays * dayMs)
  const latest = times.day(last)
  return html`<div class="beside">
${
  replaced
    ? html`<input type="hidden" name="replace" value="${replaced.id}">`
    : field(messages, {
        name: 'name',
        label: say.name,
        hint: say.nameHint(html`<code>laptop</code>`, html`<code>build-7</code>`),
        fault: faults.name,
        input: html`value="${wanted.name}" maxlength="${longestPasswordName}" autocomplete="off" autocapitalize="none" spellcheck="false"`,
      })
}
${field(messages, {
  name: 'ends',
  label: say.lastDay,
  hint: lives.allowEndless ? say.lastDayOrNone(latest) : say.lastDayHint(latest),
  fault: faults.ends,
  input: html`type="date" value="${wanted.lastDay}" min="${dayAt(now)}" max="${last}" autocomplete="off"`,
})}
</div>
<fieldset id="access" class="${faults.access && 'wrong'}">
<legend>${say.access}</legend>
${fault(messages, 'access', faults.access)}
<div class="beside">
<label class="choice"><input type="radio" name="access" value="write"${!wanted.readOnly && html` checked`} aria-labelledby="write" aria-describedby="write-hint">
<span><b id="write">${say.readWrite}</b><br><span class="hint" id="write-hint">${say.readWriteHint}</span></span></label>
<label class="choice"><input type="radio" name="access" value="read"${wanted.readOnly && html` checked`} aria-labelledby="read" aria-describedby="read-hint">
<span><b id="read">${say.readOnly}</b><br><span class="hint" id="read-hint">${say.readOnlyHint}</span></span></label>
</div>
</fieldset>
${
  replaced &&
  field(messages, {
    name: 'hours',
    label: say.hours,
    hint: say.hoursHint(times.number(lives.maxGraceHours)),
    fault: faults.hours,
    input: html`type="number" min="0" max="${lives.maxGraceHours}" step="1" value="${wanted.hours}" inputmode="numeric" autocomplete="off"`,
  })
}`
}

/** The day of a time in UTC, as a date field has it. */
export function dayAt(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10)
}
