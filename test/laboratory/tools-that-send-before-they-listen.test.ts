import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../support/ports.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { run, succeeded } from '../support/run.ts'
import { aWorld, entra, msa } from '../support/world.ts'

/** The real HTTP stacks that write all of a body before they read anything; curl, which reads on the way. */
const sources = join(import.meta.dirname, '../support/clients')
const built = t.testdir()
succeeded(
  'javac',
  await run('javac', [
    '-J-XX:TieredStopAtLevel=1',
    '-J-XX:+UseSerialGC',
    '-d',
    built,
    join(sources, 'Upload.java'),
  ]),
)
succeeded('mcs', await run('mcs', [`-out:${join(built, 'Upload.exe')}`, join(sources, 'Upload.cs')]))

const size = 20 * 1024 * 1024
const file = join(built, 'body')
writeFileSync(file, Buffer.alloc(size, 'x'))

/** Takes one upload in, refuses another at once, and breaks off in the middle of a third. */
const upstream = await recordingUpstream(t, (request, response) => {
  const { url = '' } = request
  if (url.endsWith('/early')) response.writeHead(403, { 'Content-Type': 'text/plain' }).end('not this file')
  else if (url.endsWith('/breaks-off')) request.once('data', () => request.socket.destroy())
  else request.on('end', () => response.end('taken'))
})
const server = await runningServer(t, {
  upstream: upstream.url,
  world: aWorld({
    accounts: [
      { name: 'fabrikam', upstream: upstream.url },
      { name: 'dead', upstream: `http://127.0.0.1:${await freePort()}` },
      {
        name: 'moved',
        connection: entra('Contoso'),
        former: { connection: msa, leftAt: 0 },
        upstream: upstream.url,
      },
    ],
    credentials: [anna, { username: 'off@example.com', password: 'correct', enabled: false }],
  }),
})

let connections = 0
server.app.server.on('connection', () => connections++)

const right = [`+${anna.username}`, anna.password] as const
const cases = [
  ['without a credential', '/fabrikam/upload.ashx', ['-', ''], /^401 Sign in /],
  ['with a wrong one', '/fabrikam/upload.ashx', [`+${anna.username}`, 'wrong'], /^401 The user name or /],
  ['that needs a reset', '/moved/upload.ashx', right, /^401 Reset needed: /],
  ['that is switched off', '/fabrikam/upload.ashx', ['+off@example.com', 'correct'], /^403 Your user name /],
  ['to an account that is not there', '/nobody/upload.ashx', right, /^404 There is no such account/],
  ['to an upstream that is down', '/dead/upload.ashx', right, /^502 The service behind /],
  ['to an upstream that breaks off', '/fabrikam/breaks-off', right, /^502 The service behind /],
  ['that the upstream refuses at once', '/fabrikam/early', right, /^403 not this file/],
  ['that is allowed', '/fabrikam/upload.ashx', right, /^200 taken/],
] as const

/** Address, bytes, mode, user name, password, and whether it waits for leave. */
type Words = readonly [string, number, string, string, string, 'expect'?]

/** Uploads one after the other from one process, which takes longer to start than to upload; gives what each printed. */
async function printed(program: readonly [string, ...string[]], uploads: readonly Words[]) {
  const stdin = uploads.map(words => `${words.join('\t')}\n`).join('')
  const [file, ...args] = program
  const { stdout, stderr } = await run(file, args, { stdin })
  t.equal(stderr, '')
  return stdout.split(/^---\r?\n/m)
}

const clients = {
  Java: (uploads: readonly Words[]) =>
    printed(
      ['java', '-Xshare:auto', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', built, 'Upload'],
      uploads,
    ),
  '.NET': (uploads: readonly Words[]) => printed(['mono', join(built, 'Upload.exe')], uploads),
}

/** Java keeps the text of a 401 to itself where it could not send the body again. */
const untold = (client: string, mode: string) => client === 'Java' && mode !== 'buffered'

for (const [client, upload] of Object.entries(clients))
  for (const mode of ['buffered', 'fixed', 'chunked'])
    t.test(`${client}, ${mode}, reads every answer to an upload of 20 MB`, async t => {
      // How the body travels makes no difference to why it is refused.
      const tried = cases.filter((_, at) => mode === 'buffered' || at % 2 === 0)
      const before = connections
      const all = await upload(tried.map(([, path, who]) => [`${server.url}${path}`, size, mode, ...who]))
      t.ok(connections - before >= tried.length, 'each has a connection of its own')
      for (const [at, [what, , , expected]] of tried.entries()) {
        const challenged = expected.source.startsWith('^401')
        t.match(all[at], challenged && untold(client, mode) ? /^401 $/m : expected, what)
      }
    })

for (const [client, upload] of Object.entries(clients))
  t.test(`${client} is asked for its credential after 30 MB, and sends them again with it`, async t => {
    const bytes = 30 * 1024 * 1024
    const path = '/fabrikam/DefaultCollection/VersionControl/v1.0/upload.ashx'
    t.match(await upload([[server.url + path, bytes, 'buffered', anna.username, anna.password]]), [
      /^200 taken/,
    ])
    t.equal(upstream.last().body.length, bytes)
  })

t.test('.NET with Expect: 100-continue is refused before it sends', async t => {
  const modes = ['buffered', 'fixed', 'chunked']
  const all = await clients['.NET'](
    modes.flatMap((mode): Words[] => [
      [`${server.url}/fabrikam/x`, size, mode, '-', '', 'expect'],
      [`${server.url}/fabrikam/x`, size, mode, ...right, 'expect'],
    ]),
  )
  for (const [at, mode] of modes.entries()) {
    t.match(all[2 * at], /^401 Sign in /, mode)
    t.match(all[2 * at + 1], /^200 taken/, mode)
  }
})

for (const [what, path, [username, password], expected] of cases)
  t.test(`curl without Expect, an upload of 20 MB ${what}`, async t => {
    const authorization =
      username === '-' ? [] : ['-H', `Authorization: ${basic({ username: username.slice(1), password })}`]
    for (const framing of [[], ['-H', 'Transfer-Encoding: chunked']]) {
      const upload = ['-sS', '-H', 'Expect:', ...framing, ...authorization, '--data-binary', `@${file}`]
      const said = ['-o', join(built, 'answer'), '-w', '%{http_code} ']
      const { stdout, code } = await run('curl', [...upload, ...said, `${server.url}${path}`])
      const { stdout: text } = await run('cat', [join(built, 'answer')])
      t.match(stdout + text, expected)
      t.equal(code, 0)
    }
  })
