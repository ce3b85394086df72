import { readFileSync, renameSync, writeFileSync } from 'node:fs'

// Makes one file of each package that has many, in its place, after every `npm ci` (ADR 0113). Node takes 0.4 ms of a
// processor to find, open and link a module, and keeps its text in memory, in every process. The packages do what they did:
// their modules are put together without comments and indentation, what they import of others is not. Without esbuild, as
// after `npm ci --omit=dev`, they stay as they are.

/**
 * Packages by the file that `import` finds. Only those of which nothing but this file is imported: a second way in would get
 * classes of its own.
 */
const entries = {
  kysely: 'dist/index.js',
  zod: 'index.js',
  yaml: 'dist/index.js',
  'oidc-provider': 'lib/index.js',
  undici: 'index.js',
  fastify: 'fastify.js',
  avvio: 'index.js',
  'find-my-way': 'index.js',
  semver: 'index.js',
  'prom-client': 'index.js',
  '@opentelemetry/api': 'dist/index.cjs',
}

/**
 * What is replaced in a linked file, as esbuild writes it. V8 allocates a function that is assigned to a property of `this` as an old object,
 * and undici does so for each request with a body: what belongs to the request stayed until the whole heap was collected
 * (ADR 0127).
 */
const corrections = { 'undici/index.js': ['this.errorHandler=err=>', 'this.errorHandler=0?0:err=>'] }

/** The first line of a file that was put together here. */
const linked = '// All modules of this package, put together by link-packages.mjs.'

const modules = new URL('../../node_modules/', import.meta.url)
const build = await bundler()
if (build) {
  await linkTap() // of packages as they came
  for (const [name, file] of Object.entries(entries)) {
    const source = readFileSync(pathOf(`${name}/${file}`), 'utf8')
    if (source.startsWith(linked)) continue // linked again, its functions would be wrapped again
    const isModule = /^\s*(?:import|export)\b/m.test(source)
    await link(`${name}/${file}`, {
      packages: 'external',
      format: isModule ? 'esm' : 'cjs',
      keepNames: isModule, // modules of CommonJS stay functions of their own, in which esbuild renames nothing
      minifyWhitespace: true,
      lineLimit: 160, // so that the line in a stack trace still tells something
      legalComments: 'none',
      banner: { js: linked },
    })
  }
}

/** `undefined` where esbuild is not installed, or has no program for this platform. */
async function bundler() {
  try {
    const esbuild = await import('esbuild')
    await esbuild.build({ stdin: { contents: '' }, write: false })
    return esbuild.build
  } catch {
    return undefined
  }
}

/**
 * Each test file loads `tap`, whose packages import one another in a circle: it is one file with them all. It lies among them,
 * because it leaves what lies there out of the traces it shows.
 */
async function linkTap() {
  const entry = 'tap/dist/esm/index.js' // as it comes, it only passes on what the file beside it has
  const whole = '@tapjs/core/dist/esm/linked.mjs'
  await link(
    'tap/dist/esm/main.js',
    {
      // The `tap` command hands the first down to test files as well; the second is for components of React.
      external: ['@tapjs/processinfo', 'react-element-to-jsx-string'],
      keepNames: true,
      // It would listen to every asynchronous operation of a test file.
      alias: { 'async-hook-domain': new URL('tap-domains.mjs', import.meta.url).pathname },
      format: 'esm',
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url)",
      },
    },
    whole,
  )
  replace(entry, `export * from '../../../${whole}'\nexport { t as default } from '../../../${whole}'\n`)
}

async function link(entry, how, to = entry) {
  const { outputFiles } = await build({
    entryPoints: [pathOf(entry)],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    logLevel: 'warning',
    ...how,
  })
  replace(to, corrected(to, outputFiles[0].text))
}

/** With what is replaced in it, which must occur once: another version needs another look. */
function corrected(file, text) {
  if (!(file in corrections)) return text
  const [before, after] = corrections[file]
  if (text.split(before).length !== 2) throw new Error(`${file} does not contain ${before} once (ADR 0127)`)
  return text.replace(before, after)
}

/** At once, for processes that are starting; and in a file of its own, where the old one is shared with other folders. */
function replace(file, contents) {
  writeFileSync(pathOf(`${file}.new`), contents)
  renameSync(pathOf(`${file}.new`), pathOf(file))
}

function pathOf(file) {
  return new URL(file, modules).pathname
}
