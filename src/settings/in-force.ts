import { stringify } from 'yaml'
import type { Settings } from './schema.ts'

/** The settings as YAML; a `Secret` shows itself as `[secret]`. */
export function printSettings(settings: Settings): string {
  return stringify(settings, { lineWidth: 0 })
}
