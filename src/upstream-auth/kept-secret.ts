import { statSync } from 'node:fs'
import { headerSafe, headerSafeDemand, readBareText } from '../common/given-text.ts'
import type { Instant } from '../gateway/names.ts'
import { Secret } from '../gateway/secret.ts'
import type { Warn } from './method.ts'

/** A secret given directly, or the file that contains it. */
export type SecretSource = Secret | { readonly file: string }

/** The latest valid secret; `undefined` until there has been one. Meant to be called for every request. */
export type KeptSecret = () => Secret | undefined

/** Milliseconds between two checks of a file. */
const lookEvery = 1000

/** Milliseconds for which a file must be unchanged, so that it is not read while it is being written. */
const stillFor = 1000

/**
 * Follows a secret in a file. A check costs one `stat`, at most once a second and only when the secret is needed: a
 * watcher does not see every change (Kubernetes swaps a link two folders above). A file that is missing, empty or not a
 * secret leaves the previous secret in force and is reported once.
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
    else warn(`the secret in ${file} cannot be used; the previous one stays in force`, found)
  }

  return () => {
    const at = now()
    // The first condition is for a clock that was set back.
    if (at >= lookedAt && at - lookedAt < lookEvery) return secret
    lookedAt = at
    look()
    return secret
  }
}

/** `stamp` changes whenever the content does: a link to another file shows as another inode. */
function observe(file: string): { readonly stamp: string; readonly changedAt: Instant } {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(file)
    return { stamp: [dev, ino, size, mtimeMs, ctimeMs].join(':'), changedAt: Math.max(mtimeMs, ctimeMs) }
  } catch {
    // Gone for good, or only while it is being replaced: the next check tells.
    return { stamp: 'gone', changedAt: Infinity }
  }
}

/** The secret, or why it is none. */
function readSecret(file: string): Secret | string {
  try {
    const text = readBareText(file)
    if (typeof text !== 'string') return `it ${text.flaw}`
    return headerSafe.test(text) ? new Secret(text) : `it ${headerSafeDemand}`
  } catch (error) {
    return String(error) // of node:fs: a code and the path
  }
}
