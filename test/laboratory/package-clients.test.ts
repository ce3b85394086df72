import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../support/ports.ts'
import { anna, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { run } from '../support/run.ts'
import type { SignIn } from '../support/wire.ts'
import { aWorld } from '../support/world.ts'

/** A registry with one package of npm's. */
const registry = await recordingUpstream(t, (_, response) => {
  const version = { name: 'left-pad', version: '1.3.0', dist: { tarball: `${registry.url}/left-pad.tgz` } }
  response.setHeader('Content-Type', 'application/json')
  response.end(
    JSON.stringify({ name: 'left-pad', 'dist-tags': { latest: '1.3.0' }, versions: { '1.3.0': version } }),
  )
})
const off = { username: 'off@example.com', password: 'correct', enabled: false }
const wrong = { username: anna.username, password: 'wrong' }
const server = await runningServer(t, {
  upstream: registry.url,
  world: aWorld({
    accounts: [
      { name: 'fabrikam', upstream: registry.url },
      { name: 'dead', upstream: `http://127.0.0.1:${await freePort()}` },
    ],
    credentials: [anna, off],
  }),
})
const home = t.testdir()
const project = join(home, 'project')
mkdirSync(join(project, 'src'), { recursive: true })
mkdirSync(join(project, '.cargo'))
writeFileSync(join(project, 'package.json'), '{"name":"project","version":"1.0.0"}')
writeFileSync(join(project, 'src/lib.rs'), '')
writeFileSync(
  join(project, 'Cargo.toml'),
  '[package]\nname = "project"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\nleftpad = { version = "1", registry = "feed" }\n',
)
const basicOf = ({ username, password }: SignIn) => Buffer.from(`${username}:${password}`).toString('base64')

/** Everything that npm prints. */
async function npm(account: string, signIn: SignIn | undefined, ...args: readonly string[]): Promise<string> {
  const feed = `127.0.0.1:${server.port}/${account}/_packaging/feed/npm/registry/`
  const auth = signIn === undefined ? '' : `//${feed}:_auth=${basicOf(signIn)}\n`
  const rc = join(home, 'npmrc')
  writeFileSync(rc, `registry=http://${feed}\n${auth}fetch-retries=0\nupdate-notifier=false\n`)
  // As a user has it: npm hands the settings of this project on to what it runs, and these tests may be run by it.
  const own = Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith('npm_config_'))
  const env = {
    ...Object.fromEntries(own),
    HOME: home,
    npm_config_userconfig: rc,
    npm_config_cache: join(home, 'cache'),
  }
  const { stdout, stderr } = await run('npm', args, { cwd: project, env })
  return stdout + stderr
}

const switchedOff = /these alternate credentials are switched off\. .* Reference: [0-9a-f]{24}/

t.test('npm shows why, whatever the outcome and the command', async t => {
  t.match(await npm('fabrikam', anna, 'view', 'left-pad', 'version'), /^1\.3\.0$/m)
  t.match(await npm('fabrikam', undefined, 'view', 'left-pad'), /npm notice Sign in with your alternate/)
  t.match(
    await npm('fabrikam', wrong, 'view', 'left-pad'),
    /npm notice The user name or the password is wrong/,
  )
  for (const command of [['view', 'left-pad'], ['install', 'left-pad'], ['publish']]) {
    const printed = await npm('fabrikam', off, ...command)
    t.match(printed, /npm notice Your user name and password are right/)
    t.match(printed, new RegExp(`npm error 403 .* - .*${switchedOff.source}`))
  }
  t.match(await npm('dead', anna, 'view', 'left-pad'), /npm error 502 .* - The service behind this gateway/)
})

t.test('pip shows why in the place of the reason phrase', async t => {
  const args = ['-m', 'pip', 'download', '--no-input', '--disable-pip-version-check', '--retries', '0']
  const account = `http://${encodeURIComponent(off.username)}:${off.password}@127.0.0.1:${server.port}/fabrikam`
  const env = { ...process.env, HOME: home }
  // Of an index that it cannot have it only says that there is no such package.
  const file = `${account}/x-1.0-py3-none-any.whl`
  const { stdout, stderr } = await run('/usr/bin/python3', [...args, '--no-cache-dir', file], {
    cwd: home,
    env,
  })
  t.match(stdout + stderr, switchedOff)
})

t.test('a script in Python shows why in the place of the reason phrase', async t => {
  const script = [
    'import sys, urllib.request as requests',
    'request = requests.Request(sys.argv[1], headers={"Authorization": "Basic " + sys.argv[2]})',
    'requests.urlopen(request)',
  ]
  const args = ['-c', script.join('\n'), `${server.url}/fabrikam/x`, basicOf(off)]
  const { stderr } = await run('/usr/bin/python3', args)
  t.match(stderr, switchedOff)
})

t.test('cargo shows why: the text of the index, and of its commands what is in JSON', async t => {
  const { port } = server
  const config = (account: string) =>
    `[registries.feed]\nindex = "sparse+http://127.0.0.1:${port}/${account}/index/"\n[net]\nretry = 0\n`
  const env = {
    ...process.env,
    CARGO_HOME: join(home, 'cargo'),
    CARGO_REGISTRIES_FEED_TOKEN: `Basic ${basicOf(off)}`,
    CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS: 'cargo:token',
  }
  writeFileSync(join(project, '.cargo/config.toml'), config('fabrikam'))
  const { stderr } = await run('cargo', ['fetch'], { cwd: project, env })
  t.match(stderr, /got 403\s+body:\s+Your user name and password are right/)

  const lines = [
    'Host: h',
    'Accept: application/json',
    `Authorization: Basic ${basicOf(off)}`,
    'Connection: close',
  ]
  const answer = await rawRequest(
    port,
    `PUT /fabrikam/api/v1/crates/new HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`,
  )
  const body: unknown = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
  t.match(body, { errors: [{ detail: switchedOff }] })
})

t.test('other clients get a message where they look, and the rest do not see it', async t => {
  const ask = (agent: string) => {
    const lines = [
      'Host: h',
      `User-Agent: ${agent}`,
      `Authorization: Basic ${basicOf(off)}`,
      'Connection: close',
    ]
    return rawRequest(server.port, `GET /fabrikam/x HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  }
  for (const agent of [
    'twine/5.0.0',
    'NuGet Command Line/6.8',
    'Apache-Maven/3.9.6 (Java 21)',
    'Gradle/8.5',
    'poetry/1.3.2 CPython/3.11.2',
    'python-requests/2.28.1',
    'got (https://github.com/sindresorhus/got)',
    'Ruby, RubyGems/3.3.15 x86_64-linux',
    'bundler/2.3.15 rubygems/3.3.15',
    'Debian APT-HTTP/1.3 (2.6.1)',
    'Wget/1.21.3',
    'lftp/4.9.2',
    'ansible-httpget',
    'mercurial/proto-1.0 (Mercurial 6.3.2)',
    'Fossil/2.21 (2023-02-26 19:24:24 [3c53b6364e])',
    'Breezy/3.3.2',
    'Helm/3.15.0',
    'Bazel/release 4.2.3',
    'JGit/4.11.9.201909030838-r',
    // restic, and others that are written in Go
    'Go-http-client/1.1',
    'rclone/v1.60.1-DEV',
    'cadaver/0.24 neon/0.32.5',
    'davfs2/1.6.1 neon/0.32.5',
    'gvfs/1.50.3',
    'vdirsyncer/0.19.0',
    // calcurse-caldav
    'Python-httplib2/0.20.4 (gzip)',
    'Python-urllib/3.11',
    'Python/3.11 aiohttp/3.8.4',
    'python-httpx/0.23.3',
    'libwww-perl/6.68',
    'LWP::Simple/6.68 libwww-perl/6.68',
    'Ruby',
  ])
    t.match(await ask(agent), /^HTTP\/1\.1 403 Your user name .* Reference: [0-9a-f]{24}\r\n/, agent)
  for (const agent of ['yarn/1.22.22 npm/? node/v20', 'pnpm/9.0.0 npm/? node/v20', 'bun/1.1.0'])
    t.match(await ask(agent), /"error":"Your user name/, agent)
  for (const agent of [
    'git/2.39.5',
    'git/dulwich',
    'curl/8.5.0',
    'curl/7.85.0 Nix/2.8.0',
    'wget2/1.99.1',
    'Mozilla/5.0',
    '',
  ]) {
    t.match(await ask(agent), /^HTTP\/1\.1 403 Forbidden\r\n/, agent)
    t.notMatch(await ask(agent), /npm-notice/i, agent)
  }
})
