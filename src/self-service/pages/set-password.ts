import type { Username } from '../../gateway/names.ts'
import { shortestPassword } from '../../passwords/common.ts'
import { html, type Html } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { formOf } from '../scope-names.ts'
import { fault, field } from './fields.ts'
import { mainPassword } from './passwords.ts'
import type { Profile, Feedback } from './profile.ts'

/** Sets or resets the password and the secondary user name. Works without a script. */
export function setForm(messages: Messages, shown: Profile, username: Username, feedback: Feedback): Html {
  const { setting: say, profile } = messages
  const { credential } = shown
  const { faults = {} } = feedback
  const chosen = faults.password !== undefined || faults.again !== undefined
  const renamed = credential !== undefined && credential.username !== username
  return html`<section class="card" aria-labelledby="set">
<h2 id="set">${credential === undefined ? say.first : say.another}</h2>
<p>${say.lead} ${mainPassword(shown) ? say.ends : say.free}</p>
<form method="post" action="/_altgate/credential" novalidate>
${formOf(shown, shown.csrf)}
<input type="hidden" name="seen" value="${credential?.setAt ?? 0}">
<div class="field">
<label for="username">${profile.username}</label>
<p class="hint" id="username-hint">${say.usernameFrom} ${renamed && say.renamed(html`<b>${credential.username}</b>`)}</p>
<input id="username" value="${username}" autocomplete="username" readonly aria-describedby="username-hint">
</div>
${field(messages, {
  name: 'secondary',
  label: say.secondary,
  hint: say.secondaryHint(html`<code>@</code>`),
  fault: faults.secondary,
  input: html`value="${feedback.secondary ?? credential?.secondary}" autocomplete="off" autocapitalize="none" spellcheck="false"`,
})}
<fieldset class="how${faults.how && ' wrong'}" id="how">
<legend>${say.password}</legend>
${fault(messages, 'how', faults.how)}
<label class="choice"><input type="radio" name="how" value="generate"${
    !chosen && html` checked`
  } aria-labelledby="generate" aria-describedby="generate-hint">
<span><b id="generate">${say.generate}</b><br><span class="hint" id="generate-hint">${say.generateHint}</span></span></label>
<label class="choice"><input type="radio" name="how" value="choose" id="choose"${
    chosen && html` checked`
  } aria-labelledby="own" aria-describedby="own-hint">
<span><b id="own">${say.choose}</b><br><span class="hint" id="own-hint">${say.chooseHint}</span></span></label>
<div class="chosen">
${field(messages, {
  name: 'password',
  label: say.newPassword,
  hint: say.newPasswordHint(shortestPassword, html`<code>tf</code>`),
  fault: faults.password,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
${field(messages, {
  name: 'again',
  label: say.again,
  fault: faults.again,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
</div>
</fieldset>
<button type="submit">${say.save}</button>
</form>
</section>`
}

/** Claims a credential that an operator created. */
export function claimForm(
  messages: Messages,
  shown: Profile,
  username: Username,
  { faults = {} }: Feedback,
): Html {
  const { setting: say } = messages
  const { scopeName, credential } = shown
  const isNew = credential === undefined
  const name = html`<b>${username}</b>`
  return html`<section class="card" aria-labelledby="claim">
<h2 id="claim">${isNew ? say.claim : say.reclaim}</h2>
<p>${isNew ? say.claimLead(name, scopeName) : say.reclaimLead(name)}</p>
<form method="post" action="/_altgate/claim" novalidate>
${formOf(shown, shown.csrf)}
<input class="visually-hidden" name="username" value="${username}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
${field(messages, {
  name: 'current',
  label: say.current,
  hint: say.currentHint,
  fault: faults.current,
  input: html`type="password" autocomplete="current-password" autocapitalize="none" spellcheck="false"`,
})}
<button type="submit">${say.claimIt}</button>
</form>
<p class="hint">${isNew ? say.unknown(name, scopeName) : say.unknownSet}</p>
</section>`
}
