import { readFileSync, statSync } from 'node:fs'
import type { Instant } from '../gateway/names.ts'
import { Secret } from '../gateway/secret.ts'
import type { Warn } from './method.ts'

/** A secret that was given as it is, or the file that holds it. */
export type SecretSource = Secret | { readonly file: string }

/** The newest good reading; `undefined` until there has been one. Meant to be called for every request. */
export type KeptSecret = () => Secret | undefined

/** Milliseconds between two looks at a file. */
const lookEvery = 1000

/** Milliseconds for which a file has to lie still, so that nobody is in the middle of writing it. */
const stillFor = 1000

/**
 * Follows a secret in a file. A look costs one `stat`, at most once a second and only when somebody asks: no watcher
 * sees every way in which files change (Kubernetes swaps a link two folders above). A file that is missing, empty or
 * no secret leaves the old reading in force, and is warned of once.
 */
export function keptSecret(source: SecretSource, now: () => Instant, warn: Warn): KeptSecret {
  if (source instanceof Secret) return () => source
  const { file } = source
  let secret: Secret | undefined
  let lookedAt = -Infinity
  let stamp = ''
  let lastStamp = ''

  function look(): void {
    const seen = observe(file)
    const isStill = seen.stamp === lastStamp || secret === undefined || now() - seen.changedAt >= stillFor
    lastStamp = seen.stamp
    if (seen.stamp === stamp || !isStill) return
    stamp = seen.stamp
    const found = readSecret(file)
    if (found instanceof Secret) secret = found
    else warn(`the secret in ${file} cannot be used; what was read before stays in force`, found)
  }

  return () => {
    const at = now()
    // Also when the clock was set back.
    if (at >= lookedAt && at - lookedAt < lookEvery) return secret
    lookedAt = at
    look()
    return secret
  }
}

/** `stamp` changes whenever the content does: a link that leads elsewhere shows as another inode. */
function observe(file: string): { readonly stamp: string; readonly changedAt: Instant } {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file)
    return { stamp: [dev, ino, size, mtimeMs, ctimeMs].join(':'), changedAt: Math.max(mtimeMs, ctimeMs) }
  } catch {
    // Gone for good, or for the moment between two steps of whoever replaces it: the next look tells.
    return { stamp: 'gone', changedAt: Infinity }
  }
}

/** One line without blanks, less the newline that editors and `kubectl create secret` leave at its end; or why not. */
function readSecret(file: string): Secret | string {
  try {
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    if (/^[\x21-\x7e]+$/.test(text)) return new Secret(text)
    return 'it does not hold one line of printable ASCII without blanks'
  } catch (error) {
    return String(error) // of node:fs: a code and the path
  }
}
