import { html, type Html } from '../../../common/html.ts'
import type { Failing } from '../../context.ts'
import type { ScopeName } from '../../scope-names.ts'
import type { Put } from '../en.ts'
import { scopes, signInAs } from './scopes.ts'

const seconds = (wait: number) =>
  wait === 1 ? 'one second' : wait < 120 ? `${wait} seconds` : `${Math.ceil(wait / 60)} minutes`

export const welcome = {
  title: (account: string) => `Sign in to set credentials for ${account}`,
  heading: (account: Put) => html`Alternate credentials for ${account}`,
  lead: (account: Put) =>
    html`git and other tools access ${account} with a user name and password of their own. Set them here.`,
  first: 'First, sign in',
  where: 'Altgate leads you to the sign-in service of this account. Sign in as you do on its web pages.',
  allowed: 'What you allow by signing in',
  yourDirectory: 'your directory',
  signIn: 'Sign in',
  wrong: 'After you have signed in, you learn whether there is an account of this name. Is it the wrong one?',
  other: 'Choose another one',
  which: 'Which account?',
  noSuch: 'Error: there is no such account',
  whichHeading: 'Which account is it for?',
  whichLead:
    'Enter the account that git or your other tool could not access. It is part of the address, directly after or before the name of this gateway.',
  account: 'Account',
  example: (name: Put) => html`For example ${name}.`,
  go: 'Continue',
  unknown: 'There is no account with that name. Check the spelling.',
  noName: 'Enter the name of an account.',
  badName: 'An account name has 1 to 63 letters, digits, hyphens or underscores.',
  goodbye: 'Signed out',
  goodbyeHeading: 'You are signed out here',
  goodbyeLead:
    'This browser may still be signed in to the sign-in service. On a shared computer, sign out there as well, or close all browser windows.',
}

const failing: Readonly<Record<Failing, string>> = {
  unreachable: 'The sign-in service could not be reached.',
  slow: 'The sign-in service did not answer in time.',
  nonsense: 'The sign-in service returned an invalid response.',
}

/** What went wrong, and what to do next. */
export const trouble = {
  again: 'Try again in a moment. If this persists, give your operator the reference below.',
  provider: 'Sign-in is temporarily unavailable',
  providerLead: (how: Failing) =>
    `${failing[how]} Nothing was changed, and your current password still works.`,
  unavailable: 'This page is temporarily unavailable',
  unavailableLead: 'A part of the gateway is unavailable. Nothing was changed.',
  lost: 'If you asked for a generated password, it can no longer be shown. Open your account’s page, revoke it there if it is listed, and generate another one.',
  made: 'Saved, but the result cannot be shown',
  madeLead: 'Your change was saved. Some gateways may use the previous state for a few more seconds.',
  maybe: 'Your change may have been saved',
  maybeLead: 'The store did not confirm your change in time, so it may or may not have been saved.',
  maybeNext:
    'Your account’s page shows the current state. If you chose a new password, try it first; if it is refused, the previous one is still valid.',
  busy: 'The gateway is overloaded',
  busyLead: 'The gateway is too busy to process a password right now. Nothing was changed.',
  busyNext: 'Go back and try again',
  tooMany: 'Too many requests',
  tooManyLead: 'Too many requests arrived in a short time. Nothing was changed.',
  tooManyNext: (wait: number) => `Try again in ${seconds(wait)}.`,
  noSuchPage: 'Page not found',
  noSuchPageLead: 'Check the address.',
  notUnderstood: 'This request was not understood',
  notUnderstoodLead: 'The address or the form could not be read. Nothing was changed.',
  tooLarge: 'The form is too large',
  tooLargeLead: 'The form contains more than a valid user name and password can. Nothing was changed.',
  wrongType: 'The form has an unsupported type',
  wrongTypeLead: (type: Put) => html`Forms must be sent as ${type} in UTF-8. Nothing was changed.`,
  plainHttp: 'Use https',
  plainHttpLead: 'Plain http would expose your password in transit. Nothing was changed.',
  notFromHere: 'This form is not valid, or no longer valid',
  notFromHereLead:
    'Nothing was changed. You may have signed in or out in another tab since you opened the form.',
  notFromHereNext: 'Open the page again and fill in the form there.',
  signedOut: 'Your sign-in has ended',
  signedOutLead: 'Nothing was changed. Sign in and submit the form again.',
  stale: 'Sign in again',
  staleLead: 'Nothing was changed. Changes require a recent sign-in, and yours was some time ago.',
  elsewhere: 'This account has changed',
  elsewhereLead: (account: Put, scope: ScopeName) =>
    html`The account ${account} signs in with ${signInAs(scope)} now: it has moved, or a planned move was changed or cancelled.
Nothing was changed here.`,
  elsewhereNext: 'Open its page',
  signInLost: 'This sign-in cannot be completed',
  signInLostLead:
    'It took too long, has already been used, or was started in another browser. Nothing was changed.',
  signInLostNext: 'Start again from your account’s page.',
  declined: 'You are not signed in',
  declinedLead: 'The sign-in was cancelled, or the sign-in service denied it. Nothing was changed.',
  tryAgain: 'Try again',
  approval: (link: (text: string) => Html) =>
    html`If the sign-in service says that an administrator must approve this gateway, ask your operator. Until then you can
${link('sign in only to set your password')}.`,
  wrongDirectory: 'You signed in with a different account',
  wrongDirectoryLead: (account: Put, scope: ScopeName) =>
    html`The account ${account} requires ${signInAs(scope)}, but you signed in with a different one.`,
  wrongDirectoryNext: (scope: ScopeName) =>
    `Choose ${signInAs(scope)}${scope.directory === undefined ? '' : ': usually your work or school address'}. If your browser chooses the wrong one automatically, use a private window.`,
  otherAccount: 'Choose another account',
  nameTaken: 'Your user name is taken',
  nameTakenLead: (name: Put, scope: ScopeName) =>
    html`Another person has the credentials for ${name} ${scopes.reach(scope)}. Nothing was changed.`,
  nameTakenNext:
    'This can happen when an e-mail address passes from one person to another. Only your operator can resolve it.',
  noAuthority: 'Sign-in is not configured',
  noAuthorityLead: (account: Put) =>
    html`No sign-in service is configured for the account ${account}, so its credentials cannot be set here.`,
  noAuthorityNext: 'Check the name of the account. If it is right, ask your operator for a password.',
  noAuthorityOperator: (setting: Put, command: Put) =>
    html`For the operator: the group ${setting} of the settings has nothing for what this account is connected to; ${command} names
that.`,
}
