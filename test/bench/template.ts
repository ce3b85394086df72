import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Where the configuration files of the other servers are kept. */
const peers = join(import.meta.dirname, 'peers')

/**
 * Writes a configuration file into `folder`, its `{{placeholders}}` filled in, and gives the path. `{{folder}}` is that
 * folder and `{{configuration}}` the one where the file is kept. Throws if a placeholder has no value.
 */
export function configured(
  file: string,
  folder: string,
  values: Readonly<Record<string, string | number>>,
): string {
  const source = join(peers, file)
  const all: Readonly<Record<string, string | number>> = {
    folder,
    configuration: dirname(source),
    ...values,
  }
  const text = readFileSync(source, 'utf8').replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = all[name]
    if (value === undefined) throw new Error(`${file}: there is no value for ${name}`)
    return String(value)
  })
  chmodSync(folder, 0o755) // started by root, servers become somebody else before they open their files
  const target = join(folder, basename(file))
  writeFileSync(target, text)
  return target
}
