import { join } from 'node:path'
import t from 'tap'
import { makeRepository, startGitUpstream } from '../../src/demo/git-upstream.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { runningDoor } from '../support/forward-auth-port.ts'
import { gitLab } from '../support/git.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { anna, basic } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aGenerated, aWorld } from '../support/world.ts'

const reader = aGenerated({ name: 'mirror', readOnly: true })
const aWorldWithAReader = () =>
  aWorld({
    accounts: [{ name: 'fabrikam', upstream: 'http://not-used.invalid' }], // nginx has its own
    credentials: [{ ...anna, generated: [reader] }],
  })

t.test('behind nginx, git fetches with a read-only password, and is told that it may not push', async t => {
  const directory = temporaryDirectory(t)
  await makeRepository(directory, 'fabrikam/r')
  const repositories = await startGitUpstream({ directory, host: '127.0.0.1', port: 0 })
  t.teardown(() => repositories.close())
  const door = await runningDoor(t, aWorldWithAReader())
  const port = Number(new URL(repositories.url).port)
  const nginx = await startNginx(t, { decisions: door.port, page: await freePort(), repositories: port })
  const lab = gitLab(t)
  lab.setCredential(anna.username, reader.password)
  await lab.must(['clone', '--quiet', `${nginx.url}/fabrikam/r.git`, 'clone'])
  const clone = join(lab.directory, 'clone')
  await lab.must(['commit', '--quiet', '--allow-empty', '--message=one more'], { cwd: clone })
  lab.forget()
  const { code, stderr } = await lab.git(['push', 'origin', 'HEAD:main'], { cwd: clone })
  t.equal(code, 128)
  t.match(stderr, 'remote: Your password "mirror" is read-only,')
  t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
})

t.test('what only a body would tell is a write behind nginx', async t => {
  const upstream = await recordingUpstream(t)
  const door = await runningDoor(t, aWorldWithAReader())
  const nginx = await startNginx(t, {
    decisions: door.port,
    page: await freePort(),
    repositories: upstream.port,
  })
  const authorization = `Authorization: ${basic({ username: anna.username, password: reader.password })}`
  const send = (line: string, body: string, ...lines: readonly string[]) => {
    const length = body === '' ? [] : [`Content-Length: ${body.length}`]
    const head = [`${line} HTTP/1.1`, 'Host: git.example.com', 'Connection: close', authorization, ...length]
    return rawRequest(nginx.port, `${[...head, ...lines].join('\r\n')}\r\n\r\n${body}`)
  }
  const batch = 'POST /fabrikam/r.git/info/lfs/objects/batch'
  const lfs = ['Content-Type: application/vnd.git-lfs+json', 'Accept: application/vnd.git-lfs+json']
  const refused = await send(batch, '{"operation":"download"}', ...lfs)
  t.match(refused, /^HTTP\/1\.1 403 /)
  t.match(refused, /"message":"Your password \\"mirror\\" is read-only/)

  const repository = 'POST /fabrikam/c/repository.asmx'
  const tfvc = 'http://schemas.microsoft.com/TeamFoundation/2005/06/VersionControl/ClientServices/03'
  const soap = 'Content-Type: application/soap+xml; charset=utf-8'
  t.match(await send(repository, '<x/>', soap), /X-Altgate-Outcome: read-only/, 'no action in the headers')
  for (const named of [
    `${soap}; action="${tfvc}/CheckIn"`,
    `${soap}; action="${tfvc}/QueryHistory"`,
    `${soap}; x-action="${tfvc}/QueryHistory"`,
    `${soap}\r\nSOAPAction: "${tfvc}/QueryHistory"`,
    `Content-Type: text/xml\r\nSOAPAction: "${tfvc}/QueryHistory"`,
  ])
    t.match(await send(repository, '<x/>', named), /X-Altgate-Outcome: read-only/, named)
  t.equal(upstream.requests.length, 0)
  t.match(await send('GET /fabrikam/r.git/info/lfs/objects/0a1b', ''), /^HTTP\/1\.1 200 /)
})

t.test('an offer to speak another protocol is a write, because a proxy may pass it on', async t => {
  const door = await runningDoor(t, aWorldWithAReader())
  const lines = [
    'GET /nginx HTTP/1.1',
    'Host: git.example.com',
    'Connection: close',
    `Authorization: ${basic({ username: anna.username, password: reader.password })}`,
    'X-Original-Method: GET',
    'X-Original-URI: /fabrikam/x',
  ]
  const ask = (...more: readonly string[]) =>
    rawRequest(door.port, `${[...lines, ...more].join('\r\n')}\r\n\r\n`)
  t.match(await ask(), /^HTTP\/1\.1 200 /)
  for (const protocol of ['h2c', 'websocket'])
    t.match(await ask(`Upgrade: ${protocol}`), /^HTTP\/1\.1 403 [^]*X-Altgate-Outcome: read-only/)
})

t.test('an nginx that passes Upgrade on, and says so to the decision, opens no way to write', async t => {
  const upstream = await recordingUpstream(t)
  const door = await runningDoor(t, aWorldWithAReader())
  const behind = { decisions: door.port, page: await freePort(), repositories: upstream.port }
  const upgrade = 'proxy_set_header Upgrade $http_upgrade;'
  const [decision, repositories] = ['altgate_decisions/nginx;', 'http://repositories$request_uri;']
  const nginx = await startNginx(t, behind, [
    [decision, `${decision} ${upgrade}`],
    [repositories, `${repositories} ${upgrade} proxy_set_header Connection upgrade;`],
  ])
  const ask = (password: string) => {
    const authorization = `Authorization: ${basic({ username: anna.username, password })}`
    const offer = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']
    const lines = ['GET /fabrikam/x HTTP/1.1', 'Host: git.example.com', authorization, ...offer]
    return rawConnection(nginx.port).then(connection => {
      connection.send(`${lines.join('\r\n')}\r\n\r\n`)
      return connection.until(/X-Altgate-Outcome|^HTTP\/1\.1 200/)
    })
  }
  t.match(await ask(reader.password), /^HTTP\/1\.1 403 [^]*X-Altgate-Outcome: read-only/)
  t.equal(upstream.requests.length, 0)
  t.match(await ask(anna.password), /^HTTP\/1\.1 200 /)
  t.strictSame(upstream.last().values('Upgrade'), ['h2c'], 'it does pass it on')
})
