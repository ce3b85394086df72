/** Something wrong with the settings. `path` is the setting (`listen.port`), or the place in the file. */
export interface Complaint {
  readonly path: string
  readonly message: string
}

/** A path as people write it: `trustedProxies[0]`. */
export function spell(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('')
}

/** Why a file could not be read, in words. */
export function unreadable(error: unknown): string {
  // Errors of node:fs carry a code; anything else is a bug and goes on.
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === undefined) throw error
  return `cannot be read: ${reasons.get(code) ?? code}`
}

const reasons = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is not a folder'],
])
