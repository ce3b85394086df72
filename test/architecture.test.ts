import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/**
 * What each folder of `src` may import from the others. All of them may import `gateway`, which holds the ports and the
 * words. `docs/architecture.md` draws this table. What `src` itself holds puts the folders together, and may import any.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  gateway: [],
  common: [],
  engine: [],
  settings: ['common'],
  redis: ['common'],
  verdicts: ['engine', 'redis'],
  revocation: ['common', 'redis', 'verdicts'],
  accounts: ['common', 'engine', 'redis'],
  throttling: ['common', 'engine', 'redis'],
  store: ['common'],
  hashing: ['common', 'engine'],
  passwords: [],
  'upstream-auth': ['common'],
  delegation: ['common', 'engine'],
  requests: ['common', 'engine'],
  answers: ['engine', 'requests'],
  proxying: ['engine', 'requests', 'answers'],
  server: ['common', 'engine', 'requests', 'answers', 'proxying'],
  'forward-auth': ['engine', 'requests', 'answers', 'proxying', 'server'],
  oauth: ['engine'],
  'self-service': ['administration', 'common', 'engine', 'oauth', 'passwords', 'throttling'],
  api: ['administration', 'common', 'engine', 'settings', 'status', 'throttling'],
  telemetry: [],
  status: ['common', 'settings'],
  bench: [],
  demo: ['common', 'engine'],
  administration: ['answers', 'common', 'delegation', 'hashing', 'passwords', 'proxying', 'settings'],
  commands: [
    'accounts',
    'administration',
    'bench',
    'common',
    'delegation',
    'passwords',
    'settings',
    'src',
    'status',
  ],
}

/** Who needs the characters of a secret, and what for. */
const revealers = new Map<string, string>([
  ['src/gateway/attempt.ts', 'the proof is an HMAC over the password'],
  ['src/gateway/credential.ts', 'the Authorization header is decoded here'],
  ['src/gateway/generated-password.ts', 'the checksum of a generated password is checked'],
  ['src/gateway/upstream-auth.ts', 'the access token of the user goes to the upstream'],
  ['src/passwords/rules.ts', 'what may be chosen is decided by its characters'],
  ['src/hashing/argon2id.ts', 'the password is hashed'],
  ['src/hashing/crypt.ts', 'the password is hashed'],
  ['src/hashing/hash-string.ts', 'bcrypt proves only so many bytes of a password'],
  ['src/throttling/rules.ts', 'a guess is known by an HMAC over the password'],
  ['src/hashing/lane-process.ts', 'the password goes to the process that hashes it'],
  ['src/hashing/remote.ts', 'the password goes to the process that has the lanes'],
  ['src/settings/exposed.ts', 'the address of an embedded store says which file it is'],
  ['src/store/store.ts', 'the address of the store says which database it is'],
  ['src/store/postgres-hosts.ts', 'the address may hold the password of the database'],
  ['src/redis/server.ts', 'the address says which host it is, and whether by TLS'],
  ['src/redis/connections.ts', 'Redis asks for a password, which its address may hold'],
  ['src/bench/sender.ts', 'a load test presents what a tool would present'],
  ['src/proxying/lfs.ts', 'what an upstream gave out goes back to it'],
  ['src/requests/client.ts', 'what a load test presents is compared with it'],
  ['src/commands/credential.ts', 'a generated password is shown once'],
  ['src/commands/credential-password.ts', 'a generated password is shown once'],
  ['src/commands/token.ts', 'a token is shown once'],
  ['src/api/credentials.ts', 'a generated password is answered once'],
  ['src/administration/walk.ts', 'explain sends what a tool would send'],
  ['src/settings/handed-over.ts', 'the settings travel to the workers of the machine'],
  ['src/common/openid.ts', 'the client secret proves to an identity provider who asks'],
  ['src/self-service/pages/saved.ts', 'a generated password is shown once'],
  ['src/oauth/exchange.ts', 'a credential helper gets the password that was made for it'],
  ['src/upstream-auth/credentials.ts', 'the credential of the user is sent on, where that is wanted'],
  ['src/delegation/sealing.ts', 'tokens of users are sealed, with keys from the settings'],
  ['src/delegation/provider.ts', 'an access token says whose it is, and for which upstream'],
  ['src/delegation/openid.ts', 'the refresh token goes to the identity provider'],
  ['src/delegation/memory.ts', 'two tokens are compared'],
  ['src/delegation/saving.ts', 'the refresh token in the store is compared with the one that was used'],
  ['src/delegation/renewal.ts', 'the next refresh token is compared with the one that was used'],
  ['src/self-service/webhook.ts', 'the address of a webhook may be a key, and notices are signed'],
])

/** What workers do without until somebody needs it, if ever: megabytes each. */
const needless = new Set([
  '@fastify/swagger',
  'ajv',
  'commander',
  'ioredis',
  'oidc-provider',
  'openid-client',
  'pg',
  'yaml',
  'zod',
])

/** A file of ours, with its path from the root. */
interface Source {
  readonly path: string
  readonly text: string
  /** What it imports: files of ours as paths from the root, everything else as it is written. */
  readonly imports: readonly string[]
}

const sources = read('src')
const tests = read('test')

function read(folder: string): readonly Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map(entry => readSource(relative(root, join(entry.parentPath, entry.name))))
}

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const found = text.matchAll(/^(?:import|export)\s(?:[^'";]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm)
  const imports = [...found].map(([, clause, call]) => clause ?? call ?? '')
  const resolved = imports.map(each => (each.startsWith('.') ? normalize(join(dirname(path), each)) : each))
  return { path, text, imports: resolved }
}

/** `gateway` for `src/gateway/ask.ts`; empty for the files right under `src`. */
function partOf(path: string): string {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? ''
}

/** Fails with the rule's sentence, and the files that break it. */
function rule(sentence: string, breakers: readonly string[]): void {
  t.test(sentence, async t => void t.strictSame(breakers, [], sentence))
}

/** The imports that break a rule, as `from -> to`. */
function importsWhere(broken: (from: string, to: string) => boolean): readonly string[] {
  return sources.flatMap(({ path, imports }) =>
    imports.filter(to => broken(path, to)).map(to => `${path} -> ${to}`),
  )
}

/** Files of ours and packages that a file loads; types are not, nor what is imported later. */
function directlyLoadedBy(path: string): readonly string[] {
  const text = sources.find(each => each.path === path)?.text ?? ''
  return [...text.matchAll(/^(?:import|export) (?!type )[^'";]*from '([^']+)'/gm)].map(([, name = '']) =>
    name.startsWith('.') ? normalize(join(dirname(path), name)) : name,
  )
}

/** The same, and what those load in their turn. */
function loadedBy(path: string, loaded = new Set<string>()): ReadonlySet<string> {
  if (loaded.has(path)) return loaded
  loaded.add(path)
  for (const each of directlyLoadedBy(path)) loadedBy(each, loaded)
  return loaded
}

/** `ioredis` for `ioredis/built/DataHandler.js`. */
function packageOf(name: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name
}

/** The first circle found of files that need one another to be loaded; types do not count. */
function circles(): readonly string[] {
  const done = new Set<string>()
  const visit = (path: string, way: readonly string[]): readonly string[] => {
    if (way.includes(path)) return [[...way.slice(way.indexOf(path)), path].join(' -> ')]
    if (done.has(path)) return []
    done.add(path)
    return [...directlyLoadedBy(path)].flatMap(each => visit(each, [...way, path]))
  }
  return sources.flatMap(({ path }) => visit(path, []))
}

/** The places where a pattern stands, as `path:line`; comments do not count. */
function placesOf(pattern: RegExp, files: readonly Source[]): readonly string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ code: line.replace(/^\s*(?:\/?\*|\/\/).*|\s\/\/ .*$/, ''), at: index + 1 }))
      .filter(({ code }) => pattern.test(code))
      .map(({ at }) => `${path}:${at}`),
  )
}

const inSource = (path: string) => path.startsWith('src/')

rule(
  'every folder of src is known to this test',
  [...new Set(sources.map(({ path }) => partOf(path)))].filter(part => part !== '' && !(part in mayImport)),
)

rule(
  'the gateway imports nothing but itself and node:crypto',
  importsWhere((from, to) => partOf(from) === 'gateway' && partOf(to) !== 'gateway' && to !== 'node:crypto'),
)

rule(
  'a folder imports the gateway, libraries, and the folders that the table allows',
  importsWhere(
    (from, to) =>
      partOf(from) !== '' &&
      inSource(to) &&
      partOf(to) !== partOf(from) &&
      partOf(to) !== 'gateway' &&
      !mayImport[partOf(from)]?.includes(partOf(to) || 'src'),
  ),
)

rule(
  'what the table allows is made use of',
  Object.entries(mayImport).flatMap(([from, all]) =>
    all
      .filter(
        part =>
          importsWhere((a, b) => partOf(a) === from && inSource(b) && (partOf(b) || 'src') === part)
            .length === 0,
      )
      .map(part => `${from} -> ${part}`),
  ),
)

rule('no file imports itself by way of others', circles())

rule(
  'what runs imports nothing of the tests',
  importsWhere((_, to) => to.startsWith('test/')),
)

rule(
  'no file of src is longer than 350 lines',
  sources.filter(({ text }) => text.trimEnd().split('\n').length > 350).map(({ path }) => path),
)

rule(
  'no function is assigned to a property of `this`: V8 allocates it as an old object (ADR 0127)',
  sources
    .filter(({ text }) =>
      /\bthis\.#?\w+ \??\??=\s+(?:async )?(?:function\b|\w+ =>|\([^()]*\)(?:: [^=]+)? =>)/.test(text),
    )
    .map(({ path }) => path),
)

// A second reader would be a second way in, with rules of its own (CVE-2017-3167).
rule(
  'Basic is read by the gateway, and by explain, which walks the same way',
  importsWhere((_, to) => to === 'src/gateway/credential.ts')
    .map(each => each.split(' -> ')[0] ?? '')
    .filter(path => /\bdecodeBasic\b/.test(sources.find(each => each.path === path)?.text ?? ''))
    .filter(path => !['src/gateway/gateway.ts', 'src/administration/walk.ts'].includes(path)),
)

// `an[y]`, so that this line is none of its own finds.
rule(
  'nothing is of the type any',
  placesOf(/(?::|\bas|<) ?an[y]\b(?! \w)|\ban[y]\[\]/, [...sources, ...tests]),
)

rule(
  'only commands and the demo write to the console',
  placesOf(
    /\bconsole\./,
    sources.filter(({ path }) => !['commands', 'demo'].includes(partOf(path))),
  ),
)

rule(
  'only the files listed here, each for its reason, reveal a secret',
  sources.filter(({ path, text }) => /\.reveal\(/.test(text) && !revealers.has(path)).map(({ path }) => path),
)

rule(
  'every file that is listed as revealing a secret still does',
  [...revealers.keys()].filter(
    path => !sources.some(each => each.path === path && /\.reveal\(/.test(each.text)),
  ),
)

rule(
  'a worker loads neither what reads settings nor what one in many gateways needs',
  [...loadedBy('src/worker.ts')].filter(each => needless.has(packageOf(each))),
)

rule(
  'the primary process loads neither a web framework nor a client of HTTP',
  [...loadedBy('src/serve.ts')].filter(each =>
    ['fastify', 'undici', 'openid-client'].includes(packageOf(each)),
  ),
)

rule(
  'a command is loaded when it is named, and a store when a command uses one',
  [...loadedBy('src/cli.ts')].filter(
    each => each === 'src/commands/account.ts' || ['kysely', 'undici'].includes(packageOf(each)),
  ),
)

rule(
  "Node's http comes from the engine, without the fetch and WebSocket that its ES module would load",
  importsWhere((from, to) => to === 'node:http' && directlyLoadedBy(from).includes(to)),
)

rule(
  'no test is skipped, put off, or run alone',
  placesOf(/\bt\.(?:skip|only|todo)\b|\{[^}]*\b(?:skip|only|todo):/, tests),
)

rule(
  'no file names a folder of one machine',
  placesOf(/['"`\s(](?:\/home\/|\/Users\/|\/work\/|[A-Z]:\\)/, [...sources, ...tests]),
)

/** A file or folder of ours, with its path from the root; not the end of another path. */
const namedFile = /(?<![\w./-])(?:src|test|docs|config|docker)\/[\w./-]*\w/g

/** What newcomers read first: it must not lead them astray. */
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

rule(
  'docs/architecture.md draws the table of what folders may import',
  differences(drawnArrows(), tableArrows()),
)

rule(
  'docs/architecture.md says what each folder is for',
  differences(
    [...page.matchAll(/^\| `(src[^`]*)` \|/gm)].map(([, folder = '']) => folder),
    ['src', ...Object.keys(mayImport).map(part => `src/${part}`)],
  ),
)

rule(
  'documents name only files that exist',
  documents().flatMap(document =>
    [...readFileSync(join(root, document), 'utf8').matchAll(namedFile)]
      .map(([path]) => path)
      .filter(path => !isThere(path))
      .map(path => `${document}: ${path}`),
  ),
)

rule(
  'in lists, a name in backticks beside files of src or test occurs in one of those files',
  ['docs/architecture.md', 'CONTRIBUTING.md'].flatMap(document =>
    itemsOf(readFileSync(join(root, document), 'utf8')).flatMap(item => {
      const files = filesNamedIn(item)
      const names = [...item.matchAll(/`(\w+)(?:\(\))?`/g)].map(([, name = '']) => name)
      return names
        .filter(name => files.length > 0 && !files.some(({ text }) => new RegExp(`\\b${name}\\b`).test(text)))
        .map(name => `${document}: ${name} is not in ${files.map(({ path }) => path).join(', ')}`)
    }),
  ),
)

t.test('five ways through the code pass at most eight files each, and each leads to the next', async t => {
  const ways = page
    .split(/^### /m)
    .slice(1)
    .map(section => section.split(/^## /m)[0] ?? '')
  t.equal(ways.length, 5)
  for (const way of ways) {
    const name = way.split('\n', 1)[0]
    const steps = [...way.matchAll(/^\d+\. \[(.+?)\]\(\.\.\/(.+?)\): (.*)$/gm)]
    const files = steps.map(([, , path = '']) => path)
    t.ok(steps.length > 1 && steps.length <= 8, `${name}: ${steps.length} files`)
    for (const [at, [, shown, path = '', text = '']] of steps.entries()) {
      t.equal(shown, path)
      t.ok(at === 0 || isReached(path, files.slice(0, at), text), `${name}: the way leads to ${path}`)
    }
  }
})

/** The items of lists, and the rows of tables but for those that are about a folder. */
function itemsOf(document: string): readonly string[] {
  return document.split(/^(?=\d+\. |- |\| |$)/m).filter(item => /^(?:\d+\.|-|\|) (?!`src)/.test(item))
}

function filesNamedIn(text: string): readonly Source[] {
  const paths = new Set([...text.matchAll(namedFile)].map(([path]) => path))
  return [...sources, ...tests].filter(({ path }) => paths.has(path))
}

/** Whether a file can be come to from those before it: by an import, or through an interface that the text names. */
function isReached(path: string, before: readonly string[], text: string): boolean {
  const through = /^through the interface `(\w+)`/.exec(text)?.[1]
  if (through !== undefined) return new RegExp(`\\b${through}\\b`).test(sourceAt(path)?.text ?? '')
  const isLinked = (from: string, to: string) => sourceAt(from)?.imports.includes(to) ?? false
  return before.some(each => isLinked(each, path) || isLinked(path, each))
}

function sourceAt(path: string): Source | undefined {
  return sources.find(each => each.path === path)
}

/** `a -> b` for each arrow of the picture. */
function drawnArrows(): readonly string[] {
  const picture = /^```mermaid\n(.*?)^```/ms.exec(page)?.[1] ?? ''
  return [...picture.matchAll(/^ +(\S+) --> (.+)$/gm)].flatMap(([, from, all = '']) =>
    all.split(' & ').map(to => `${from} -> ${to}`),
  )
}

function tableArrows(): readonly string[] {
  return Object.entries(mayImport).flatMap(([from, all]) => all.map(to => `${from} -> ${to}`))
}

/** `docs/adr/0051` is the decision of that number. */
function isThere(path: string): boolean {
  const decisions = readdirSync(join(root, 'docs/adr'))
  const number = /^docs\/adr\/(\d{4})$/.exec(path)?.[1]
  return number === undefined
    ? existsSync(join(root, path))
    : decisions.some(name => name.startsWith(`${number}-`))
}

/** All but the decisions and the changes, which tell of files that are no more. */
function documents(): readonly string[] {
  return ['.', 'config', 'docker', 'docs', 'docs/upstream', 'test/bench'].flatMap(folder =>
    readdirSync(join(root, folder))
      .filter(name => name.endsWith('.md') && name !== 'CHANGELOG.md')
      .map(name => join(folder, name)),
  )
}

/** What is in one list and not in the other. */
function differences(shown: readonly string[], meant: readonly string[]): readonly string[] {
  return [
    ...shown.filter(each => !meant.includes(each)).map(each => `only on the page: ${each}`),
    ...meant.filter(each => !shown.includes(each)).map(each => `missing on the page: ${each}`),
  ]
}
