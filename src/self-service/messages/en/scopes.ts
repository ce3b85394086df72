import type { ScopeName } from '../../scope-names.ts'
import { timesIn } from '../times.ts'

/** Days before months, as most readers of English expect who live outside of North America. */
export const times = timesIn('en-GB')

/** What users sign in with, and what their credentials are for. */
export const scopes = {
  /** For headings. */
  name: ({ directory = 'Microsoft accounts' }: ScopeName) => directory,
  /** Who keeps the accounts of users. */
  keeper: ({ directory = 'Microsoft' }: ScopeName) => directory,
  reach: ({ directory }: ScopeName) =>
    directory === undefined
      ? 'for all accounts that sign in with Microsoft accounts'
      : `for all accounts connected to the directory ${directory}`,
}

export const signInAs = ({ directory }: ScopeName) =>
  directory === undefined ? 'your personal Microsoft account' : `your account in the directory ${directory}`

/** As terminals call it. */
export const service = ({ directory }: ScopeName) =>
  directory === undefined ? 'Microsoft accounts' : `Microsoft Entra ID, directory "${directory}"`
