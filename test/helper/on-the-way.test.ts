import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bareServer } from '../support/bare-server.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { anna } from './gateway.ts'
import { attributes, aWorld } from './lab.ts'

t.test('a certificate is checked, and one that git trusts is trusted', async t => {
  const { certFile, keyFile } = await makeCertificate(temporaryDirectory(t))
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  const { gateway, lab, signIn } = await aWorld(t, 'dash', tls)
  const config = (...words: readonly string[]) => lab.git(['config', '--global', ...words])
  const refused = async () => {
    const terminal = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}/contoso`)
    t.equal(await terminal.exit(), 1)
    t.match(terminal.seen(), 'there is no secure connection: its certificate was not accepted')
  }
  await refused()
  await config(`http.${gateway.url}.sslVerify`, 'false')
  await refused()
  await config('http.sslCAInfo', '/nowhere')
  await refused()
  await config(`http.${gateway.url}.sslCAInfo`, certFile)
  await signIn()
  t.match(lab.stored(), /anna/)
  t.equal(gateway.asked[0]?.path, 'device_authorization/contoso')
})

t.test('nothing on this machine leads its requests elsewhere', async t => {
  const elsewhere = await bareServer(t, socket => socket.end('HTTP/1.1 200 OK\r\n\r\n{}'))
  const { gateway, lab, get, signIn, pass } = await aWorld(t)
  await signIn()
  writeFileSync(
    join(lab.home, '.curlrc'),
    `location\nlocation-trusted\nproxy = ${elsewhere.url}\nverbose\ntrace = ${lab.home}/trace\n`,
  )
  await lab.git(['config', '--global', 'http.proxy', elsewhere.url])
  const env = { http_proxy: elsewhere.url, HTTP_PROXY: elsewhere.url, all_proxy: elsewhere.url, no_proxy: '' }
  pass(gateway.life + 1)
  t.match(attributes(await get('contoso', env)), { username: anna })
  pass(gateway.life + 1)
  const moved = { status: 307, headers: { location: `${elsewhere.url}/token` }, text: '' }
  gateway.next.token.push(moved)
  t.match(await get('contoso', env), {
    stdout: 'quit=1\n',
    stderr: /it answered with a redirect \(307\), which is not followed/,
  })
  t.equal(elsewhere.calls(), 0)
  t.throws(() => readFileSync(join(lab.home, 'trace')))
})

t.test('a proxy that git uses is used for https, and its password is in no argument', async t => {
  const asked: string[] = []
  const proxy = await bareServer(t, socket =>
    socket.once('data', data => {
      asked.push(data.toString())
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    }),
  )
  const { lab } = await aWorld(t)
  await lab.git(['config', '--global', 'http.proxy', proxy.url.replace('//', '//user:canary"\\@')])
  const terminal = lab.onTerminal('altgate-git-credential sign-in https://git.example.com --store store')
  t.equal(await terminal.exit(), 1)
  t.match(asked[0], /^CONNECT git\.example\.com:443 /)
  t.match(asked[0], `Proxy-Authorization: Basic ${Buffer.from('user:canary"\\').toString('base64')}`)
})

t.test(
  'a gateway that does not answer holds git up for seconds only, while its password is good',
  async t => {
    const { get, gateway, signIn, pass } = await aWorld(t)
    await signIn()
    pass(gateway.life * 0.9)
    gateway.next.token.push(() => {})
    const start = performance.now()
    t.match(attributes(await get()), { username: anna })
    t.ok(performance.now() - start < 60_000, 'one question of ten seconds; the second is for a busy machine')
    t.match(attributes(await get()), { username: anna })
    t.match(gateway.asked.at(-1)?.form, { grant_type: 'refresh_token' }, 'and is asked again')
  },
)
