import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')

/** The folders that hold one part each. */
const parts = [
  'accounts',
  'bench',
  'commands',
  'demo',
  'hashing',
  'http',
  'news',
  'passwords',
  'self-service',
  'settings',
  'store',
  'throttling',
  'upstream-auth',
  'verdicts',
  'witnesses',
]

/** The files that may know every part: they plug one into the other. */
const joiners = [
  'altgate.js',
  'app.ts',
  'cli.ts',
  'connections.ts',
  'directory.ts',
  'fleet.ts',
  'foundation.ts',
  'listening.ts',
  'serve.ts',
  'services.ts',
  'stopping.ts',
  'tools.ts',
  'unmoved.ts',
  'warnings.ts',
  'worker.ts',
]

/** What the files of one part may take from elsewhere: a part or a file, and why. */
const exceptions = [
  { from: 'commands', to: 'settings', because: 'every command reads the settings first' },
  { from: 'commands', to: 'passwords', because: 'one set of rules for what people choose' },
  { from: 'self-service', to: 'passwords', because: 'the same rules hold on the page' },
  { from: 'commands', to: 'bench', because: 'a load test is a command, and runs without the server' },
  { from: 'commands', to: 'src/tools.ts', because: 'commands work on the same parts as the server' },
  { from: 'commands', to: 'src/foundation.ts', because: 'store init opens what everything stands on' },
  { from: 'commands', to: 'src/serve.ts', because: 'serving is a command too' },
  { from: 'commands', to: 'src/listening.ts', because: 'check says what the limits of the machine allow' },
  { from: 'commands', to: 'src/hashing/imported.ts', because: 'an import file holds hashes made elsewhere' },
  {
    from: 'commands',
    to: 'src/http/answer.ts',
    because: 'explain shows the very answer that a client would get',
  },
  { from: 'accounts', to: 'verdicts', because: 'answers are shared over the same Redis' },
  {
    from: 'commands',
    to: 'src/accounts/answer.ts',
    because: 'what the directory source said is put into words',
  },
  { from: 'throttling', to: 'verdicts', because: 'guesses are counted over the same Redis' },
  {
    from: 'throttling',
    to: 'src/hashing/channel.ts',
    because: 'the processes of one machine talk over one pipe',
  },
  { from: 'news', to: 'verdicts', because: 'a change is told, and its verdicts dropped, over one Redis' },
]

/** Who needs the characters of a secret, and what for. */
const revealers = new Map<string, string>([
  ['src/gateway/attempt.ts', 'the proof is an HMAC over the password'],
  ['src/gateway/credential.ts', 'the Authorization header is decoded here'],
  ['src/gateway/generated-password.ts', 'the checksum of a generated password is checked'],
  ['src/passwords/rules.ts', 'what may be chosen is decided by its characters'],
  ['src/hashing/argon2id.ts', 'the password is hashed'],
  ['src/hashing/hash-string.ts', 'bcrypt proves only so many bytes of a password'],
  ['src/throttling/rules.ts', 'a guess is known by an HMAC over the password'],
  ['src/hashing/lane-process.ts', 'the password goes to the process that hashes it'],
  ['src/hashing/remote.ts', 'the password goes to the process that has the lanes'],
  ['src/settings/exposed.ts', 'the address of an embedded store says which file it is'],
  ['src/store/store.ts', 'the address of the store says which database it is'],
  ['src/store/postgres-hosts.ts', 'the address may hold the password of the database'],
  ['src/verdicts/redis.ts', 'the address says which host it is, and whether by TLS'],
  ['src/verdicts/redis-connections.ts', 'Redis asks for a password, which its address may hold'],
  ['src/bench/authorization.ts', 'a load test presents what a tool would present'],
  ['src/bench/sender.ts', 'the secret of the load-test lane travels in a header'],
  ['src/http/lfs/lfs.ts', 'what an upstream gave out goes back to it'],
  ['src/http/load-test.ts', 'what a load test presents is compared with it'],
  ['src/commands/credential-set.ts', 'a generated password is shown once'],
  ['src/commands/walk.ts', 'explain sends what a tool would send'],
  ['src/settings/handed-over.ts', 'the settings travel to the workers of the machine'],
  ['src/self-service/openid.ts', 'the client secret proves to an identity provider who asks'],
  ['src/self-service/pages/saved.ts', 'a generated password is shown once'],
  ['src/upstream-auth/pass-through.ts', 'the credential of the user is sent on, where that is wanted'],
  ['src/upstream-auth/swapped-credential.ts', 'a credential of the gateway is sent to the upstream'],
  ['src/upstream-auth/entra-token.ts', 'the client secret proves to Entra ID who asks for a token'],
  ['src/self-service/webhook.ts', 'the address of a webhook may be a key, and notices are signed'],
])

/** What workers do without until somebody needs it, if ever: megabytes each. */
const needless = new Set(['commander', 'ioredis', 'openid-client', 'pg', 'yaml', 'zod'])

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

/** Files of ours and packages that are there once a file is loaded; types are not, nor what is imported later. */
function loadedBy(path: string, loaded = new Set<string>()): ReadonlySet<string> {
  if (loaded.has(path)) return loaded
  loaded.add(path)
  const source = sources.find(each => each.path === path)
  for (const [, name = ''] of source?.text.matchAll(/^(?:import|export) (?!type )[^'";]*from '([^']+)'/gm) ??
    [])
    loadedBy(name.startsWith('.') ? normalize(join(dirname(path), name)) : name, loaded)
  return loaded
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

const isException = (from: string, to: string, among = exceptions) =>
  among.some(each => each.from === partOf(from) && (each.to === partOf(to) || each.to === to))

rule(
  'every folder of src is known to this test',
  [...new Set(sources.map(({ path }) => partOf(path)))].filter(
    part => part !== '' && part !== 'gateway' && !parts.includes(part),
  ),
)

rule(
  'the gateway imports nothing but itself and node:crypto',
  importsWhere((from, to) => partOf(from) === 'gateway' && partOf(to) !== 'gateway' && to !== 'node:crypto'),
)

rule(
  'a part imports the gateway and libraries, never another part',
  importsWhere(
    (from, to) =>
      parts.includes(partOf(from)) &&
      inSource(to) &&
      partOf(to) !== 'gateway' &&
      partOf(to) !== partOf(from) &&
      !isException(from, to),
  ),
)

rule(
  'only the files that join the parts lie right under src',
  sources.map(({ path }) => path).filter(path => partOf(path) === '' && !joiners.includes(path.slice(4))),
)

rule(
  'what runs imports nothing of the tests',
  importsWhere((_, to) => to.startsWith('test/')),
)

rule(
  'no file of src is longer than 350 lines',
  sources.filter(({ text }) => text.trimEnd().split('\n').length > 350).map(({ path }) => path),
)

// A second reader would be a second way in, with rules of its own (CVE-2017-3167).
rule(
  'Basic is read by the gateway, and by explain, which walks the same way',
  importsWhere((_, to) => to === 'src/gateway/credential.ts')
    .map(each => each.split(' -> ')[0] ?? '')
    .filter(path => /\bdecodeBasic\b/.test(sources.find(each => each.path === path)?.text ?? ''))
    .filter(path => !['src/gateway/gateway.ts', 'src/commands/walk.ts'].includes(path)),
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
  'every exception that is listed is still made use of',
  exceptions
    .filter(each => importsWhere((from, to) => isException(from, to, [each])).length === 0)
    .map(({ from, to }) => `${from} -> ${to}`),
)

rule(
  'a worker loads neither what reads settings nor what one in many gateways needs',
  [...loadedBy('src/worker.ts')].filter(each => needless.has(each)),
)

rule(
  'no test is skipped, put off, or run alone',
  placesOf(/\bt\.(?:skip|only|todo)\b|\{[^}]*\b(?:skip|only|todo):/, tests),
)

rule(
  'no file names a folder of one machine',
  placesOf(/['"`\s(](?:\/home\/|\/Users\/|\/work\/|[A-Z]:\\)/, [...sources, ...tests]),
)
