import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startApache } from '../support/apache.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { run, succeeded } from '../support/run.ts'
import { aWorld } from '../support/world.ts'

// Apache speaks http and sees another host than the client: without translation, it answers 502 to COPY and MOVE.
const apache = await startApache(t, ['fabrikam', 'contoso'])
const { certFile, keyFile } = await makeCertificate(temporaryDirectory(t))
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream: apache.url },
    { name: 'other', upstream: `${apache.url}/fabrikam/` },
  ],
  credentials: [anna],
  httpsOnly: true,
})
const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
const server = await runningServer(t, { upstream: apache.url, world, tls })

async function dav(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<number> {
  const words = Object.entries({ Authorization: basic(), ...headers }).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ])
  const curl = ['-sS', '--cacert', certFile, '-o', '/dev/null', '-w', '%{http_code}', '-X', method, ...words]
  const data = body === '' ? [] : ['--data-binary', body]
  return Number(succeeded('curl', await run('curl', [...curl, ...data, server.url + path])))
}

t.test('svn checks out, commits, copies, moves and switches through the gateway', async t => {
  const directory = temporaryDirectory(t)
  const url = `${server.url}/fabrikam/svn`
  const trust = ['--trust-server-cert-failures', 'unknown-ca,cn-mismatch,expired,not-yet-valid,other']
  const who = [
    '--username',
    anna.username,
    '--password',
    anna.password,
    '--no-auth-cache',
    '--non-interactive',
  ]
  const svn = async (...words: string[]) => {
    const all = [...words, ...who, ...trust, '--config-dir', join(directory, 'config')]
    return succeeded(`svn ${words.join(' ')}`, await run('svn', all, { cwd: directory }))
  }
  await svn('mkdir', '-m', 'layout', `${url}/trunk`, `${url}/branches`)
  await svn('checkout', `${url}/trunk`, 'wc')
  const file = join(directory, 'wc/a b.txt')
  writeFileSync(file, 'one\n')
  await svn('add', file)
  await svn('commit', '-m', 'a file', 'wc')
  await svn('copy', '-m', 'a branch', `${url}/trunk`, `${url}/branches/b1`)
  await svn('move', '-m', 'renamed', `${url}/branches/b1`, `${url}/branches/b2`)
  t.equal(await svn('cat', `${url}/branches/b2/a%20b.txt`), 'one\n')
  await svn('update', 'wc')
  await svn('move', file, join(directory, 'wc/c.txt'))
  await svn('commit', '-m', 'renamed in the copy', 'wc')
  await svn('delete', 'wc/c.txt')
  await svn('commit', '-m', 'deleted', 'wc')
  await svn('switch', '--ignore-ancestry', `${url}/branches/b2`, 'wc')
  t.equal(await svn('ls', `${url}/trunk`), '')
})

t.test('files are copied and moved with every spelling of the destination', async t => {
  const host = server.url.slice('https://'.length)
  const { port } = server
  t.equal(await dav('PUT', '/fabrikam/files/a', {}, 'text'), 201)
  for (const [at, base] of [
    server.url,
    `HTTPS://${host}`,
    `https://127.0.0.1:0${port}`,
    `https://127.1:${port}`,
    `https://anna:secret@${host}`,
    `http://${host}`,
  ].entries()) {
    const destination = `${base}/fabrikam/files/copy-${at}%20x`
    t.equal(await dav('COPY', '/fabrikam/files/a', { Destination: destination }), 201, destination)
    t.equal(readFileSync(join(apache.files('fabrikam'), `copy-${at} x`), 'utf8'), 'text')
  }
  const moved = { Destination: `${server.url}/fabrikam/files/b` }
  t.equal(await dav('MOVE', '/fabrikam/files/a', moved), 201)
  t.notOk(existsSync(join(apache.files('fabrikam'), 'a')))
  const remapped = { Destination: `${server.url}/other/files/c` }
  t.equal(
    await dav('MOVE', '/other/files/b', remapped),
    201,
    'where the upstream has another name for the account',
  )
  t.ok(existsSync(join(apache.files('fabrikam'), 'c')))

  const c = `${server.url}/fabrikam/files/c`
  t.equal(
    await dav('PUT', '/fabrikam/files/c', { If: `<${c}> (["wrong"])` }, 'new'),
    412,
    'it is looked at there',
  )
  t.equal(await dav('PUT', '/fabrikam/files/c', { If: `<${c}> (Not <DAV:no-lock>)` }, 'new'), 204)
})

t.test('COPY and MOVE cannot reach another account', async t => {
  t.equal(await dav('PUT', '/fabrikam/files/x', {}, 'mine'), 201)
  for (const destination of [
    `${server.url}/contoso/files/x`,
    '/contoso/files/x',
    `${server.url}/fabrikam/../contoso/files/x`,
    `${server.url}/fabrikam/%2e%2e/contoso/files/x`,
    '/fabrikam/..%2fcontoso/files/x',
    `${server.url}/fabrikam\\..\\contoso/files/x`,
    `${server.url}/fabrikam-two/files/x`,
    `${server.url}/fabri%6bam/files/x`,
    `${server.url}//fabrikam/files/x`,
    `${apache.url}/contoso/files/x`,
    `${apache.url}/fabrikam/files/y`,
    'https://elsewhere.example.org/fabrikam/files/x',
    'https://elsewhere.example.org/contoso/files/x',
    '//elsewhere.example.org/contoso/files/x',
    'contoso/files/x',
    'https:/contoso/files/x',
    'ftp://127.0.0.1/contoso/files/x',
    'http://[broken',
    '',
  ])
    for (const method of ['COPY', 'MOVE', 'copy'])
      t.equal(await dav(method, '/fabrikam/files/x', { Destination: destination || ' ' }), 400, destination)
  const overridden = { Destination: '/contoso/files/x', 'X-HTTP-Method-Override': 'MOVE' }
  t.equal(await dav('POST', '/fabrikam/files/x', overridden), 400, 'whatever the method')
  const inIf = { If: `<${server.url}/contoso/files/x> (["etag"])` }
  t.equal(await dav('PUT', '/fabrikam/files/x', inIf, 'new'), 400)
  t.notOk(existsSync(join(apache.files('contoso'), 'x')))
  t.equal(readFileSync(join(apache.files('fabrikam'), 'x'), 'utf8'), 'mine')
})
