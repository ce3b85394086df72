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

/** What docs/dependencies.md lists under "Versions to watch": package and the version that fixes it. */
const mended = { '@fastify/reply-from': '12.7.0', '@fastify/http-proxy': '11.6.6' }

t.test('a mitigation in docs/dependencies.md is looked at again when the mended version is here', async t => {
  for (const [name, version] of Object.entries(mended)) {
    const installed = (JSON.parse(read(`node_modules/${name}/package.json`)) as { version: string }).version
    t.ok(
      isOlder(installed, version),
      `${name} ${installed}: see "Versions to watch", make ${version} the minimum`,
    )
  }
})

t.test('packages of many modules are one file each, as `npm run prepare` makes them', async t => {
  for (const entry of [
    'kysely/dist/index.js',
    'zod/index.js',
    'yaml/dist/index.js',
    'oidc-provider/lib/index.js',
    'undici/index.js',
    'fastify/fastify.js',
    'avvio/index.js',
    'find-my-way/index.js',
    'semver/index.js',
    'prom-client/index.js',
    '@opentelemetry/api/dist/index.cjs',
  ])
    t.notMatch(read(`node_modules/${entry}`), /\b(?:from|import|require)\s*\(?\s*["']\.\.?\//, entry)
})

t.test('what links `tap` keeps it from listening to every asynchronous operation', async t => {
  const linked = read('node_modules/@tapjs/core/dist/esm/linked.mjs')
  t.notMatch(linked, 'createHook', 'linked by an older version: run `npm ci`')
  t.match(linked, 'AsyncLocalStorage')
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
