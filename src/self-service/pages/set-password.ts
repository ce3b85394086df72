import type { Username } from '../../gateway/names.ts'
import { shortestPassword } from '../../passwords/common.ts'
import { html, type Html } from '../html.ts'
import { formOf } from '../scope-names.ts'
import { fault, field } from './fields.ts'
import { mainPassword } from './passwords.ts'
import type { Profile, Feedback } from './profile.ts'

/** Sets or resets the password and the secondary user name. Works without a script. */
export function setForm(shown: Profile, username: Username, feedback: Feedback): Html {
  const { credential } = shown
  const { faults = {} } = feedback
  const chosen = faults.password !== undefined || faults.again !== undefined
  const renamed = credential !== undefined && credential.username !== username
  return html`<section class="card" aria-labelledby="set">
<h2 id="set">${credential === undefined ? 'Or set a main password' : 'Set a new main password'}</h2>
<p>One password for all tools, without an end. ${
    mainPassword(shown)
      ? 'Saving ends the current one everywhere; passwords with a name stay as they are.'
      : 'You can choose it yourself.'
  }</p>
<form method="post" action="/_altgate/credential" novalidate>
${formOf(shown, shown.csrf)}
<input type="hidden" name="seen" value="${credential?.setAt ?? 0}">
<div class="field">
<label for="username">User name</label>
<p class="hint" id="username-hint">From your sign-in. ${
    renamed && html`Until you save, it is still <b>${credential.username}</b>.`
  }</p>
<input id="username" value="${username}" autocomplete="username" readonly aria-describedby="username-hint">
</div>
${field({
  name: 'secondary',
  label: 'Secondary user name (optional)',
  hint: html`For tools that do not accept the <code>@</code> of an e-mail address. The password is the same. 1 to 64 letters,
digits, dots, hyphens or underscores; not used by another user.`,
  fault: faults.secondary,
  input: html`value="${feedback.secondary ?? credential?.secondary}" autocomplete="off" autocapitalize="none" spellcheck="false"`,
})}
<fieldset class="how${faults.how && ' wrong'}" id="how">
<legend>Password</legend>
${fault('how', faults.how)}
<label class="choice"><input type="radio" name="how" value="generate"${
    !chosen && html` checked`
  } aria-labelledby="generate" aria-describedby="generate-hint">
<span><b id="generate">Generate a strong password</b><br><span class="hint" id="generate-hint">Shown once, after you save. It cannot be guessed, and secret
scanners can recognize it.</span></span></label>
<label class="choice"><input type="radio" name="how" value="choose" id="choose"${
    chosen && html` checked`
  } aria-labelledby="own" aria-describedby="own-hint">
<span><b id="own">Choose my own password</b><br><span class="hint" id="own-hint">For tools where you have to type it.</span></span></label>
<div class="chosen">
${field({
  name: 'password',
  label: 'New password',
  hint: html`At least ${shortestPassword} characters; several unrelated words are best. Not your name or the account’s, no
common password, no date or sequence. For <code>tf</code>, use only unaccented letters, digits and punctuation: it cannot send other characters.`,
  fault: faults.password,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
${field({
  name: 'again',
  label: 'Confirm new password',
  fault: faults.again,
  input: html`type="password" autocomplete="new-password" autocapitalize="none" spellcheck="false"`,
})}
</div>
</fieldset>
<button type="submit">Save</button>
</form>
</section>`
}

/** Claims a credential that an operator created. */
export function claimForm(shown: Profile, username: Username, { faults = {} }: Feedback): Html {
  const { scopeName, credential } = shown
  return html`<section class="card" aria-labelledby="claim">
<h2 id="claim">A password has ${credential === undefined ? 'already ' : ''}been set</h2>
${
  credential === undefined
    ? html`<p>Your operator has created credentials for <b>${username}</b>. They work ${scopeName.reach}. Enter their password once
to show that they are yours; then you can change them here.</p>`
    : html`<p>Your operator has set a new password for <b>${username}</b>. Enter it once to show that it is yours, or set another one
below. Until then nothing acts as you with it.</p>`
}
<form method="post" action="/_altgate/claim" novalidate>
${formOf(shown, shown.csrf)}
<input class="visually-hidden" name="username" value="${username}" autocomplete="username" readonly tabindex="-1" aria-hidden="true">
${field({
  name: 'current',
  label: 'Current alternate password',
  hint: html`The one that your operator gave you or that git uses, not the one you sign in with.`,
  fault: faults.current,
  input: html`type="password" autocomplete="current-password" autocapitalize="none" spellcheck="false"`,
})}
<button type="submit">Claim credentials</button>
</form>
<p class="hint">You do not know it? ${
    credential === undefined
      ? html`Ask your operator for a new password for <b>${username}</b> in the set <b>${scopeName.name}</b>.`
      : 'Set another one below.'
  }</p>
</section>`
}
