import type { Naming } from '../gateway/account.ts'
import type { Ending } from './ending.ts'
import type { Terms } from './terms.ts'

/**
 * The same terms, with the way in which git keeps a password for each account. Without it git keeps one for a host, and
 * the 401 of one account erases the good password of another. Where a host names the account there is nothing to do.
 *
 * It depends on nothing but the outcome and the settings. That a password is right elsewhere is not looked up: it would
 * cost a hash for every scope, and tell whoever guesses. `reset-needed` goes to the holder of a right password, which
 * other accounts may still take.
 */
export function keepBoth(
  terms: Terms,
  { outcome }: Ending,
  { publicUrl, naming }: { readonly publicUrl: string; readonly naming?: Naming },
): Terms {
  const sentence = sentences.get(outcome)
  if (sentence === undefined || naming?.by !== 'path') return terms
  return { ...terms, aside: { sentence, command: useHttpPath(publicUrl) } }
}

const sentences: ReadonlyMap<Ending['outcome'], string> = new Map([
  ['refused', 'If another account here has a password of its own, let git keep both:'],
  ['reset-needed', 'If other accounts here still take the old one, let git keep both:'],
] satisfies [Ending['outcome'], string][])

function useHttpPath(publicUrl: string): string {
  return `git config --global credential.${new URL(publicUrl).origin}.useHttpPath true`
}
