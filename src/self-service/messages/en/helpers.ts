import { html, type Html } from '../../../common/html.ts'
import type { Put } from '../en.ts'

/** The questions whether a credential helper may have a password. */
export const asking = {
  allow: (helper: string) => `Allow ${helper} to use git as you?`,
  allowLead: (helper: Put) =>
    html`${helper} on this computer asks for a password of its own, so that you need not type one.`,
  allowOnly: 'Allow this only if you have just used git yourself and it opened this page.',
  device: 'Allow another device to use git as you?',
  deviceLead: 'A device asks for a password of its own. Compare the code:',
  deviceOnly: html`Allow this only if <b>you see this code on your own device</b>, in a terminal in which you have just used git. If
another person sent you the code or a link to this page, do not allow it: that person would get access as you.`,
  program: 'Program',
  deviceName: 'Device',
  noDeviceName: 'gave no name',
  askedFrom: 'Asked from',
  askedWith: (tool: Put) => html`with ${tool}`,
  askedOn: 'Asked on',
  what: 'What you allow',
  signsInAs: 'Signs in as',
  set: 'Set of credentials',
  works: 'Works',
  may: 'May',
  readWrite: 'read and write',
  name: 'Name of the password',
  nameHint: 'For your list of passwords. Name the computer, so that you know later which one to revoke.',
  /** What the password of a device is called if the user does not change it. */
  nameOnDevice: (machine: string) => `git on ${machine}`,
  yes: 'Allow',
  no: 'Do not allow',
  renews: (link: (text: string) => Html) =>
    html`The program renews the password by itself. You can revoke it on ${link('your page')} at any time.`,
  toTerminal: 'Return to your terminal',
  toDevice: 'Return to your device',
  refused: 'You did not allow it',
  has: (helper: string) => `${helper} has what it needs.`,
  told: (helper: string) => `${helper} is told so, and gets nothing.`,
  ifNothing: (link: (text: string) => Html) => html`If nothing happens, ${link('continue')}`,
  goesOn: (helper: string) => `${helper} goes on by itself within a few seconds. You can close this page.`,
  toldDevice: (helper: string) => `${helper} is told so, and gets nothing. You can close this page.`,
  enterCode: 'Enter the code from your device',
  wrongCodeTitle: 'this code is not valid',
  wrongCode:
    'This code is not valid. It may be mistyped, used already, or older than ten minutes. Run the command again to get a new one.',
  codeLead:
    'git on your device shows a code of eight letters. Enter only a code that you see there yourself.',
  code: 'Code',
  codeHint: (code: Put) => html`For example ${code}. Upper or lower case makes no difference.`,
  againTitle: 'Sign in again to allow it',
  signInTitle: (account: string) => `Sign in for ${account}`,
  asks: (helper: Put, account: Put) => html`${helper} asks for a password of its own for ${account}.`,
  againLead: 'You signed in some time ago, so sign in again first.',
  signInLead: 'Sign in first; then you are asked whether you allow it.',
  yourAccount: 'Your account',
  wrongAccount: (link: (text: string) => Html) =>
    html`Wrong account? ${link('Choose another one')}. If you did not start this yourself, close this page.`,
  whichLead: (helper: Put) =>
    html`${helper} asks for a password of its own. Enter the account that you use with git. It is part of the address, directly after
or before the name of this gateway.`,
  cannot: (helper: string) => `${helper} cannot get a password yet`,
  reasons: {
    'switched-off': {
      what: 'Your credentials are switched off.',
      next: 'Switch them on, and then use git again.',
    },
    'too-many': {
      what: 'You have as many passwords as there can be.',
      next: 'Revoke one that you no longer use, and then use git again.',
    },
    'no-name': {
      what: 'Your sign-in did not provide an e-mail address that can be used as a user name.',
      next: 'Your page says what your operator can do.',
    },
    taken: {
      what: 'The credentials under your user name belong to another person.',
      next: 'Your operator must resolve this first.',
    },
    unclaimed: {
      what: 'Your operator has created credentials for you that you have not claimed.',
      next: 'Claim them on your page, and then use git again.',
    },
  },
  toPage: 'Go to your page',
  notValid: 'This request is not valid',
  notValidLead: (why: Put) =>
    html`A program on your computer opened this page, but its request cannot be answered: ${why}.`,
  notKnown: 'the program that asks is not known here',
  notValidNext: 'Compare its settings with those on your account’s page. Nothing was changed.',
  answered: 'This question was answered already',
  answeredLead: 'Or it has waited for more than ten minutes. Nothing was changed just now.',
  answeredNext: 'If git still asks for a password, run the command again.',
}

/** Programs that get passwords by themselves. */
export const tools = {
  browser: 'Let git sign in through the browser',
  browserLead: (command: Put) =>
    html`With a credential helper you need not copy a password: git opens this site, you allow it, and the helper gets a password of
its own and renews it. Run ${command} and paste the lines for your helper.`,
  noBrowser: 'For tools without a browser',
  noBrowserLead: (program: Put) =>
    html`On a server or a build machine, use ${program}. It shows an address and a code, which you enter in a browser on any other
device. The machine then has a password of its own, which is renewed without you. It needs git and curl. Paste this into a
terminal:`,
  checksum: (sha256sum: Put, shasum: Put, link: (text: string) => Html) =>
    html`The commands check the program against its SHA-256 checksum. On a Mac without ${sha256sum}, write ${shasum} instead. To look
at the program first, ${link('download it')}.`,
}
