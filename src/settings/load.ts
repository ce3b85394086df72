import { createHash } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { stringify } from 'yaml'
import { type Complaint, readDocument, spell } from './document.ts'
import { settle } from './judge.ts'
import { override, readOverrides } from './overrides.ts'
import { schema, type Settings } from './schema.ts'
import { shape } from './shape.ts'

interface SettingsSource {
  /** The settings file; without it the one that `ALTGATE_CONFIG` names; without that, none. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths start: of the file, and of paths in the settings. */
  readonly cwd: string
}

/** The settings in force, or everything that is wrong with them. */
type Loaded = { readonly settings: Settings } | { readonly complaints: readonly Complaint[] }

/** Defaults, then the file, then the environment. Never throws for invalid settings. */
export function loadSettings({ file, env, cwd }: SettingsSource): Loaded {
  const name = settingsFile({ file, env })
  const path = name && resolve(cwd, name)
  const read = path && name ? readDocument(path, name) : { tree: undefined }
  const { overrides, complaints } = readOverrides(env, shape)
  if ('complaints' in read) return { complaints: [...read.complaints, ...complaints] }

  const tree = overrides.reduce<unknown>(
    (all, { path, value }) => override(all, path, value),
    read.tree ?? {},
  )
  const variables = new Map(overrides.map(({ path, variable }) => [spell(path), variable]))
  const surroundings = { env, folder: path ? dirname(path) : cwd }
  return settle(tree, { schema, shape, surroundings, variables, complaints })
}

/** The settings file to read; `undefined`: only defaults and the environment. */
export function settingsFile({ file, env }: Pick<SettingsSource, 'file' | 'env'>): string | undefined {
  return file ?? (env['ALTGATE_CONFIG'] || undefined)
}

/**
 * Tells whether two gateways, or a gateway and a file, have the same settings. Without the values of secrets: a log must not
 * help to guess them.
 */
export function fingerprint(settings: Settings): string {
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 12)
}

/** The settings as YAML; a `Secret` prints as `[secret]`. */
export function printSettings(settings: Settings): string {
  return stringify(settings, { lineWidth: 0 })
}
