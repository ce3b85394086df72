import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>

t.test('each dependency has its reason in docs/dependencies.md', async t => {
  const reasons = read('docs/dependencies.md')
  for (const group of ['dependencies', 'devDependencies', 'optionalDependencies'])
    for (const name of Object.keys(manifest[group] ?? {}))
      t.match(reasons, new RegExp(`\\| [^|]*${name.replace('/', '\\/')}(?:,[^|]*)? \\|`), name)
})

t.test('the lock file names no host', async t => {
  t.notMatch(read('package-lock.json'), '"resolved"')
})

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: boolean }>>
}

t.test('no package that ships is older than its floor in docs/dependencies.md', async t => {
  const { packages } = JSON.parse(read('package-lock.json')) as Lock
  const table = read('docs/dependencies.md').split('## Minimum versions')[1] ?? ''
  const floors = [...table.matchAll(/^\| (\S+) \| ([\d.]+) \|/gm)]
  t.ok(floors.length > 0)
  for (const [, name = '', floor = ''] of floors) {
    const installed = Object.entries(packages).filter(
      ([path, { dev }]) => dev !== true && (path === name || path.endsWith(`node_modules/${name}`)),
    )
    t.ok(installed.length > 0, `${name} is not installed: its row can go`)
    for (const [path, { version }] of installed)
      t.notOk(isOlder(version, floor), `${path} ${version}, ${floor}`)
  }
})

function isOlder(version: string, other: string): boolean {
  return version.localeCompare(other, 'en', { numeric: true }) < 0
}
