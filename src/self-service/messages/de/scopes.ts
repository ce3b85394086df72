import type { ScopeName } from '../../scope-names.ts'
import type { Messages } from '../en.ts'
import { timesIn } from '../times.ts'

export const times = timesIn('de')

export const scopes: Messages['scopes'] = {
  name: ({ directory = 'Microsoft-Konten' }) => directory,
  keeper: ({ directory = 'Microsoft' }) => directory,
  reach: ({ directory }) =>
    directory === undefined
      ? 'für alle Konten, bei denen man sich mit Microsoft-Konten anmeldet'
      : `für alle Konten, die mit dem Verzeichnis ${directory} verbunden sind`,
}

/** Im Dativ: „Melden Sie sich mit … an“. */
export const signInAs = ({ directory }: ScopeName) =>
  directory === undefined ? 'Ihrem persönlichen Microsoft-Konto' : `Ihrem Konto im Verzeichnis ${directory}`

/** Im Dativ. */
export const service = ({ directory }: ScopeName) =>
  directory === undefined ? 'Microsoft-Konten' : `Microsoft Entra ID, Verzeichnis „${directory}“`
