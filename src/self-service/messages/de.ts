import { acting, linking, moving, profile, setting } from './de/account.ts'
import { asking, tools } from './de/helpers.ts'
import { faults, flaws, notes, passwords, saved } from './de/passwords.ts'
import { scopes, times } from './de/scopes.ts'
import { trouble, welcome } from './de/signing-in.ts'
import type { Messages } from './en.ts'

const frame: Messages['frame'] = {
  skip: 'Zum Inhalt springen',
  signOut: 'Abmelden',
  help: 'Hilfe:',
  reference: 'Kennung für Ihre Administration:',
  error: 'Fehler:',
  home: 'Zur Startseite',
  copy: 'Kopieren',
  copied: 'Kopiert',
  pressCopy: 'Strg+C drücken',
  show: 'Anzeigen',
  hide: 'Verbergen',
}

/** Deutsch. Die Anrede ist „Sie“. */
export const de: Messages = {
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
