import { html, type Html } from '../../../common/html.ts'
import type { Over } from '../../../gateway/decision.ts'
import { endFaults, nameFaults } from '../../../passwords/named.ts'
import { advice, flawSentences, help } from '../../../passwords/rules.ts'
import type { ScopeName } from '../../scope-names.ts'
import type { Put } from '../en.ts'
import { scopes, times } from './scopes.ts'

const { reach } = scopes

const over: Readonly<Record<Over['cause'], (at: Put) => Html>> = {
  'past-its-end': at => html`Ended ${at}.`,
  replaced: at => html`Replaced ${at}.`,
  revoked: at => html`Revoked ${at}.`,
}

/** The generated passwords of a set. */
export const passwords = {
  heading: 'Your generated passwords',
  main: 'Main password',
  noneWorks: 'None of them works any more.',
  name: 'Name',
  ends: 'Ends',
  lastUsed: 'Last used',
  change: 'Change',
  never: 'never',
  endsSoon: 'Ends soon',
  readWrite: 'Read and write',
  readOnly: 'Read only',
  set: (right: Put, at: Put) => html`${right}, set ${at}`,
  setBy: (right: Put, at: Put, client: Put) => html`${right}, set ${at}, by ${client}`,
  endOfDay: (day: Put) => html`${day}, end of day (UTC)`,
  replaced: 'Replaced',
  replacedInUse: 'Replaced, still in use',
  notYet: 'not yet',
  from: (address: Put) => html`from ${address}`,
  byFrom: (tool: Put, address: Put) => html`by ${tool} from ${address}`,
  notSince: 'Not since it was replaced',
  replace: (which: Put) => html`Replace<span class="visually-hidden"> ${which}</span>`,
  revoke: (which: Put) => html`Revoke<span class="visually-hidden"> ${which}</span>`,
  revokeNow: (which: Put) => html`Revoke<span class="visually-hidden"> ${which}</span> now`,
  revokeHint: 'What uses it stops working at once.',
  revokeAll: 'Revoke all',
  revokeAllNow: 'Revoke all now',
  revokeAllHint: (many: Put) =>
    html`All ${many} passwords that have a name stop working at once, everywhere. A main password stays.`,
  ended: (many: Put) => html`Passwords that no longer work (${many})`,
  over,
  neverUsed: 'Last used never.',
  usedFrom: (at: Put, address: Put) => html`Last used ${at} from ${address}.`,
  add: 'Add a new password',
  replacing: (which: Put) => html`Replace ${which}`,
  replacingLead: 'A new password takes its place.',
  addInstead: 'Add another one instead',
  addLead: 'For one tool or machine. Altgate generates it, and it ends by itself.',
  addFirst: (username: Put) => html`The user name is ${username}.`,
  addMore: 'Your other passwords stay as they are.',
  full: (most: Put) =>
    html`You have ${most} passwords with a name, and cannot have more. Revoke or replace one.`,
  nameHint: (one: Put, other: Put) => html`What it is for, such as ${one} or ${other}.`,
  lastDay: 'Last day',
  lastDayHint: (latest: Put) => html`It stops working at the end of this day (UTC). ${latest} at the latest.`,
  lastDayOrNone: (latest: Put) =>
    html`It stops working at the end of this day (UTC). ${latest} at the latest; leave it empty for no end.`,
  access: 'What it may do',
  readWriteHint: 'Everything that you may do yourself.',
  readOnlyHint: 'Clone and fetch, but no push, upload or check-in.',
  hours: 'Hours for which the old one still works',
  hoursHint: (most: Put) => html`0 to ${most}. With 0 it stops working at once.`,
  doReplace: 'Replace password',
  doAdd: 'Create password',
}

/** A new password, shown once. */
export const saved = {
  heading: 'Saved',
  title: 'Saved: your new password',
  copyTitle: 'Saved: copy your new password',
  main: (scope: ScopeName) =>
    `The new main password is in force everywhere, ${reach(scope)}. The one before it no longer works; passwords with a name stay as they are.`,
  named: (name: Put, scope: ScopeName, until: Html | undefined, readOnly: boolean) =>
    html`The password ${name} works ${reach(scope)}${until !== undefined && html` until ${until}`}${readOnly && ', for reading only'}.`,
  othersStay: 'Your other passwords stay as they are.',
  replacedEnded: 'The one that it replaces no longer works.',
  replacedWorks: (hours: number) =>
    `The one that it replaces works for ${hours === 1 ? 'one hour' : `${times.number(hours)} hours`} more.`,
  back: 'Back to your credentials',
  off: 'These credentials are switched off, so the new password does not work yet.',
  offByOperator: 'Your operator has switched them off: ask your operator.',
  switchOn: (link: (text: string) => Html) => html`${link('Switch them on')}.`,
  yours: 'Your new password',
  once: 'This password is shown only once. Copy it now; if you lose it, generate another one.',
  copyIt: 'Copy the password',
  use: 'Use it in your tools',
  ask: 'Let git ask for it',
  askHow: (username: Put) =>
    html`Run the failed command again. Enter ${username} as the user name, and the new password.`,
  copyFetch: 'Copy the fetch',
  copyClone: 'Copy the clone',
  /** Parts of commands, which the reader replaces. */
  repository: 'REPOSITORY',
  yourPassword: 'YOUR-PASSWORD',
  store: 'Or store it in git’s credential helper',
  storeHow: (approve: Put) =>
    html`For builds and other jobs that run unattended. Run ${approve}, paste these lines, and press Enter twice. They go to git
alone: neither the history of your shell nor the list of processes shows them.`,
  copyLines: 'Copy the lines for git',
  block:
    'The same in one block for a terminal (on Windows: Git Bash). Your shell may keep the block in its history, with the password in it.',
  copyBlock: 'Copy the lines for the credential helper',
  tf: (login: Put) =>
    html`With ${login}, the password is on the command line: your shell may keep it in its history, and other users of the computer
can see it in the list of processes while tf runs. Leave ${login} and what follows it out, and tf asks for the user name and the
password.`,
  copyTf: 'Copy the tf command',
  keepBoth: (path: Put) =>
    html`If this computer uses several sets of credentials on this gateway, configure git to keep them apart first (then add each
repository’s ${path} to the lines above):`,
  copySetting: 'Copy the setting',
}

/** What is wrong with a field. */
export const faults = {
  current: 'Enter the current password.',
  notCurrent: 'That is not the current password.',
  how: 'Choose how to set the password.',
  empty: 'Enter a password.',
  again: 'The passwords do not match. Enter the same one twice.',
  secondary: 'The secondary user name must be 1 to 64 letters, digits, dots, hyphens or underscores.',
  secondaryTaken: 'This user name is taken. Choose another one.',
  name: nameFaults,
  nameTaken: 'You have a password of this name. Choose another name, or replace that one in the table.',
  end: {
    ...endFaults,
    far: (days: number, last: string) =>
      `The end must be within ${times.number(days)} days: ${times.day(last)} at the latest.`,
  },
  access: 'Choose what the password may do.',
  hours: (most: number) => `Enter a whole number of hours, ${times.number(most)} at most.`,
}

/** What is wrong with a chosen password, and what would be better. */
export const flaws = { sentences: flawSentences, help, advice }

/** What has just been done, or why it was not. */
export const notes = {
  alreadyDone:
    'Nothing was changed: this form was already submitted, or something was changed in another tab. The current state is shown here.',
  unclaimed: 'Nothing was changed: your operator has created credentials under your user name.',
  unknownDirectory: 'Nothing was changed: this directory is unknown to Altgate now. Ask your operator.',
  nothingToSwitch: 'There are no credentials to switch on or off yet.',
  alreadyOn: 'They were already switched on. Nothing was changed.',
  alreadyOff: 'They were already switched off. Nothing was changed.',
  signInFirst:
    'Sign in again first: the sign-in service has to confirm that your account is active. Nothing was changed.',
  blocked:
    'Your operator has switched these credentials off, and only your operator can switch them on. Nothing was changed. Ask your operator.',
  gone: 'There is nothing to switch any more. Nothing was changed.',
  on: 'Switched on.',
  off: 'Switched off everywhere.',
  alreadyYours: 'These credentials are already yours. Nothing was changed.',
  claimed: 'The credentials are now yours.',
  notConnected: 'It was not connected any more. Nothing was changed.',
  disconnected: 'Disconnected everywhere.',
  linkAgain:
    'Sign in again here, then sign in for the other account from this page, and then link the two. Nothing was changed.',
  alreadyLinked: 'They were already linked. Nothing was changed.',
  linked: 'Your sign-ins are linked.',
  notLinked: 'They were not linked any more. Nothing was changed.',
  unlinked: 'Unlinked everywhere.',
  nothingToReplace: 'Nothing was changed: the password to replace has ended or was revoked. Add a new one.',
  replacedIsOver: 'This password has ended or was revoked. Add a new one.',
  tooMany: 'Nothing was changed: you have as many passwords as you can have. Revoke one first.',
  nothingToRevoke: 'There was nothing to revoke: it had ended or was revoked before. Nothing was changed.',
  revoked: 'Revoked everywhere.',
  revokedAll: 'All revoked everywhere.',
  worksThere: (account: string) =>
    `Your credentials here also work for ${account}. You do not need another sign-in.`,
}
