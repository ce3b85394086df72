import type { Html } from '../../common/html.ts'
import { acting, linking, moving, profile, setting } from './en/account.ts'
import { asking, tools } from './en/helpers.ts'
import { faults, flaws, notes, passwords, saved } from './en/passwords.ts'
import { scopes, times } from './en/scopes.ts'
import { trouble, welcome } from './en/signing-in.ts'

/** What is put into a sentence: text, or HTML such as a name in bold. */
export type Put = Html | string | number

/** What surrounds every page. */
const frame = {
  skip: 'Skip to the content',
  signOut: 'Sign out',
  help: 'Help:',
  reference: 'Reference for your operator:',
  error: 'Error:',
  home: 'Go to the start page',
  copy: 'Copy',
  /** For the script. */
  copied: 'Copied',
  pressCopy: 'Press Ctrl+C',
  show: 'Show',
  hide: 'Hide',
}

/** Every sentence of the page. A language that lacks one does not compile. */
export const en = {
  times,
  scopes,
  frame,
  welcome,
  trouble,
  profile,
  setting,
  linking,
  moving,
  acting,
  passwords,
  saved,
  faults,
  flaws,
  notes,
  asking,
  tools,
}

export type Messages = typeof en
