import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { Complaint } from '../../src/settings/document.ts'
import { loadSettings } from '../../src/settings/load.ts'
import type { Settings } from '../../src/settings/schema.ts'

/** A folder with these files, gone after the test. */
export function aFolder(t: Test, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'altgate-settings-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** The settings that these files and variables make; fails if there are complaints. */
export function settingsOf(t: Test, yaml: string, env: Record<string, string> = {}, files = {}): Settings {
  const loaded = loadSettings({
    file: 'config/gateway.yaml',
    env,
    cwd: aFolder(t, { 'config/gateway.yaml': yaml, ...files }),
  })
  if ('settings' in loaded) return loaded.settings
  throw new Error(lines(loaded.complaints).join('\n'))
}

/** What is complained about, as lines; empty if nothing is. */
export function complaintsAbout(t: Test, yaml: string, env: Record<string, string> = {}): readonly string[] {
  const loaded = loadSettings({ file: 'gateway.yaml', env, cwd: aFolder(t, { 'gateway.yaml': yaml }) })
  return 'complaints' in loaded ? lines(loaded.complaints) : []
}

function lines(complaints: readonly Complaint[]): readonly string[] {
  return complaints.map(({ path, message }) => `${path}: ${message}`)
}
