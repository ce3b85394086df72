import { html, type Html } from '../../../common/html.ts'
import type { GrantEnd } from '../../../gateway/delegation.ts'
import type { ScopeName } from '../../scope-names.ts'
import type { Put } from '../en.ts'
import { scopes, service, signInAs } from './scopes.ts'

const { keeper, name, reach } = scopes

/** The page of an account, to a signed-in user. */
export const profile = {
  title: (scope: ScopeName) => `Alternate credentials for ${name(scope)}`,
  heading: (scope: ScopeName) => html`Alternate credentials <span class="name">for ${name(scope)}</span>`,
  lead: (scope: ScopeName) =>
    html`One user name for git and other tools, and a password for each. They work <strong>${reach(scope)}</strong> and nowhere else.`,
  notSaved: 'Nothing has been saved yet',
  present: 'Your current credentials',
  on: 'Switched on',
  off: 'Switched off',
  username: 'User name',
  secondary: 'Secondary user name',
  main: 'Main password',
  /** Instead of a password, and of a name. */
  none: 'none',
  noSecondary: 'none',
  mainSet: {
    chosen: (at: Put) => html`chosen, set ${at}`,
    generated: (at: Put) => html`generated, set ${at}`,
  },
  lastUsed: 'Last used',
  notYet: 'not yet',
  from: (address: Put) => html`from ${address}`,
  add: 'Add a new password',
  setMain: 'Set a new main password',
  again: 'Sign in again to make changes',
  againWhy:
    'You signed in some time ago. Changes require a recent sign-in, in case this browser is now used by another person.',
  signInAgain: 'Sign in again',
  blocked:
    'Your operator has switched these credentials off. They stay off until your operator switches them on again: ask your operator. You can set a new password meanwhile, but it will not work before that.',
  offHint:
    'If you switch them off, they stop working until you switch them on again. The password does not change.',
  onHint: 'They do not work now. Switch them on to use the same user name and password again.',
  switchOff: 'Switch off',
  switchOn: 'Switch on',
  nameless: 'Your operator must set the password',
  namelessLead: (scope: ScopeName) =>
    html`Your sign-in did not provide an e-mail address that can be used as a user name. Ask your operator for credentials of the set
<b>${name(scope)}</b>, and tell them the user name that you would like to have.`,
  namelessNext: (link: (text: string) => Html) => html`Or ${link('sign in with another account')}.`,
  taken: 'Your user name is taken',
  takenLead: (username: Put) =>
    html`The credentials for ${username} belong to another person. You cannot set a password under this name until your
operator has resolved the conflict. The other person is notified as well.`,
  contested: (at: Put) =>
    html`Another person signed in with your user name, most recently on ${at}. They cannot change your credentials. Ask your operator
to resolve the conflict.`,
  reach: 'Where they work',
  reachPersonal: (account: Put) =>
    html`All accounts that sign in with Microsoft accounts and that you have access to, such as ${account}. One set of credentials
works for all of them.`,
  reachPersonalLater: (account: Put) =>
    html`All accounts that sign in with Microsoft accounts and that you have access to, and ${account} after its move. One set of
credentials works for all of them.`,
  reachDirectory: (scope: ScopeName) =>
    `All accounts connected to the directory ${name(scope)} that you have access to:`,
  more: (many: Put) => html`and ${many} more`,
  afterItsMove: (account: Put) => html`${account}, after its move`,
  others: 'Other accounts',
  othersLead:
    'You have one set of credentials for all accounts that sign in with Microsoft accounts, and one for each directory. Changes here do not affect the other sets. When an account moves to another directory, it accepts the set of that directory from then on.',
  openOther: 'Open another account’s page',
  sets: 'Your sets of credentials',
  noPassword: 'no password set',
  setOn: (username: Put) => html`${username}, switched on`,
  setOff: (username: Put) => html`${username}, switched off`,
  setBlocked: (username: Put) => html`${username}, switched off by your operator`,
  signInAgainFor: (scope: ScopeName) =>
    html`Sign in again<span class="visually-hidden"> for ${name(scope)}</span>`,
}

/** The forms that set a main password, and that claim a credential. */
export const setting = {
  first: 'Or set a main password',
  another: 'Set a new main password',
  lead: 'One password for all tools, without an end.',
  ends: 'Saving ends the current one everywhere; passwords with a name stay as they are.',
  free: 'You can choose it yourself.',
  usernameFrom: 'From your sign-in.',
  renamed: (username: Put) => html`Until you save, it is still ${username}.`,
  secondary: 'Secondary user name (optional)',
  secondaryHint: (at: Put) =>
    html`For tools that do not accept the ${at} of an e-mail address. The password is the same. 1 to 64 letters, digits, dots,
hyphens or underscores; not used by another user.`,
  password: 'Password',
  generate: 'Generate a strong password',
  generateHint: 'Shown once, after you save. It cannot be guessed, and secret scanners can recognize it.',
  choose: 'Choose my own password',
  chooseHint: 'For tools where you have to type it.',
  newPassword: 'New password',
  newPasswordHint: (shortest: Put, tf: Put) =>
    html`At least ${shortest} characters; several unrelated words are best. Not your name or the account’s, no common password, no
date or sequence. For ${tf}, use only unaccented letters, digits and punctuation: it cannot send other characters.`,
  again: 'Confirm new password',
  save: 'Save',
  claim: 'A password has already been set',
  claimLead: (username: Put, scope: ScopeName) =>
    html`Your operator has created credentials for ${username}. They work ${reach(scope)}. Enter their password once to show that they
are yours; then you can change them here.`,
  reclaim: 'A password has been set',
  reclaimLead: (username: Put) =>
    html`Your operator has set a new password for ${username}. Enter it once to show that it is yours, or set another one below.
Until then nothing acts as you with it.`,
  current: 'Current alternate password',
  currentHint: 'The one that your operator gave you or that git uses, not the one you sign in with.',
  claimIt: 'Claim credentials',
  unknown: (username: Put, scope: ScopeName) =>
    html`You do not know it? Ask your operator for a new password for ${username} in the set <b>${name(scope)}</b>.`,
  unknownSet: 'You do not know it? Set another one below.',
}

/** Several identities of one person. */
export const linking = {
  heading: 'Link your sign-ins',
  linked: (scope: ScopeName) => `These identities are linked to the one for ${name(scope)}.`,
  unlinked: (scope: ScopeName) =>
    `You are signed in for ${name(scope)} and with the identities below. If they are yours, link them.`,
  why: 'When an account moves from one to another, its operator can let linked users keep their old password for a few hours.',
  noUsername: 'no user name',
  isLinked: 'linked',
  linkedAs: (username: Put) => html`${username}, linked`,
  unlink: (scope: ScopeName) => html`Unlink<span class="visually-hidden"> ${name(scope)}</span>`,
  unlinkNow: (scope: ScopeName) => html`Unlink<span class="visually-hidden"> ${name(scope)}</span> now`,
  unlinkHint:
    'After a move, an old password that still works because of the link stops working at once. Your credentials stay as they are. To link again, you sign in to both.',
  alsoMe: (scope: ScopeName) => html`This is also me<span class="visually-hidden"> (${name(scope)})</span>`,
  too: 'Sign in for another account as well',
  tooHint: 'Your current sign-in is kept, so that you can link the two. Signing in any other way ends it.',
  go: 'Continue',
  tooFor: (scope: ScopeName) => `Sign in for ${name(scope)} as well`,
  tooForLead: (scope: ScopeName) => `Sign in with ${signInAs(scope)}. Your current sign-in is kept.`,
  back: 'Back without signing in',
}

/** An account that is about to move. */
export const moving = {
  heading: (account: Put, day: Put) => html`${account} moves on ${day}`,
  lead: (account: Put, scope: ScopeName) =>
    html`Your operator plans to move ${account} on that day (UTC). From then on it signs in with ${service(scope)}, and accepts the
credentials that you set for ${name(scope)}. Until your operator moves it, everything stays as it is.`,
  prepare: 'Prepare for the move',
  signInWith: (scope: ScopeName) => `Sign in with ${signInAs(scope)}.`,
  ready: 'You are ready',
  readyNext: (username: Put, scope: ScopeName) =>
    html`After the move, use the credentials of ${username} for ${name(scope)}.`,
  notReady: 'Not prepared yet',
  notReadyNext: (scope: ScopeName) =>
    `Set a password for ${name(scope)} before then, and give it to your tools when it moves.`,
  readyButOff: (scope: ScopeName) => `Your credentials for ${name(scope)} are switched off.`,
  there: (scope: ScopeName) => `Your credentials for ${name(scope)}`,
  ahead: (account: Put, day: Put, link: (text: string) => Html) =>
    html`You are preparing for the move of ${account}, which is planned for ${day} (UTC). It does not accept these credentials before
your operator moves it. Until then, keep using ${link('your present ones')}.`,
  keep: 'Keep it for the move',
  keepHow: (account: Put, day: Put) =>
    html`${account} accepts this password once it has moved, which is planned for ${day} (UTC). Keep it in a password manager
until then, and do not enter it in your tools for ${account} yet: they would be refused.`,
}

const daysAfter = (days: number) => (days === 1 ? 'one day after' : `${days} days after`)

const endings: Readonly<Record<GrantEnd, (at: Put) => Html>> = {
  refused: at => html`The sign-in service ended it on ${at}.`,
  disconnected: at => html`You disconnected it on ${at}.`,
  'signed-out': at => html`Your operator ended it on ${at}.`,
  claims: at => html`The service asked for a new sign-in on ${at}.`,
}

/** Requests that act as the user, and checks whether the user is active. */
export const acting = {
  first: 'The first time, the sign-in service asks you to allow this gateway to:',
  asYou: (to: Put) =>
    html`<b>Access ${to} as you.</b> Your pushes and other requests appear there under your own name, with your own permissions.`,
  away: html`<b>Keep this access while you are away.</b> git and other tools run without a browser, so the gateway renews the access
without you.`,
  active: (who: Put) =>
    html`<b>Check that your account is active.</b> When ${who} closes your account, your alternate credentials stop working as well.`,
  onlyReads: 'The gateway reads and changes nothing with it.',
  onlyRequests: 'The gateway uses it only for requests with your alternate credentials.',
  end: 'You can end it on your page at any time.',
  heading: (to: Put) => html`Your sign-in to ${to}`,
  connected: 'Connected',
  known: (who: Put | undefined, scope: ScopeName, since: Put, renewed: Put) =>
    html`Known as ${who ?? html`<b>you</b>`} at ${keeper(scope)} since ${since}, renewed ${renewed}.`,
  acts: (who: Put | undefined, to: Put, since: Put, renewed: Put) =>
    html`Acts as ${who ?? html`<b>you</b>`} on ${to} since ${since}, renewed ${renewed}.`,
  notNeeded: 'No account needs it at present.',
  afterUpstream:
    'If you disconnect, your tools are told that a sign-in is needed. Your next sign-in here connects again.',
  afterLiveness: (scope: ScopeName) =>
    `If you disconnect, this gateway cannot notice when ${keeper(scope)} closes your account, and your alternate credentials keep working. Your next sign-in here connects again.`,
  afterLivenessDays: (days: number) =>
    `If you disconnect, your alternate credentials are switched off ${daysAfter(days)} your last sign-in here. Your next sign-in here connects again.`,
  disconnect: 'Disconnect',
  needed: 'Sign-in needed',
  unusable: (at: Put) => html`Your sign-in of ${at} cannot be used any more.`,
  endings,
  asks: 'This gateway asks for permission to:',
  asksFirst: (to: Put) =>
    html`Your alternate credentials work for ${to} after you have signed in once and allowed this gateway to:`,
  asksAgain:
    'Until you sign in again, your tools are told that a sign-in is needed. This gateway asks for permission to:',
  unchecked: (scope: ScopeName) =>
    `Until you sign in, this gateway cannot notice when ${keeper(scope)} closes your account.`,
  uncheckedDays: (days: number) =>
    `Your alternate credentials are switched off ${daysAfter(days)} your last sign-in here.`,
  signIn: (to: Put) => html`Sign in<span class="visually-hidden"> to ${to}</span>`,
  same: 'The password in your tools stays the same.',
  notConnected: 'You are signed in, but not connected',
  notAllowed: (to: Put) =>
    html`The sign-in service did not allow this gateway to keep access to ${to} for you.`,
  earlier: 'What you allowed earlier stays in use.',
  untilThenUnchecked: (scope: ScopeName) =>
    `Until it does, the gateway cannot notice when ${keeper(scope)} closes your account.`,
  untilThenTold: 'Until it does, your tools are told that a sign-in is needed.',
  once: 'Try once more, and accept what the sign-in service asks for. If that does not help, give your operator the reference below.',
  toCredentials: 'Continue to your credentials',
}
