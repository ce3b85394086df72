import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { rawRequest } from '../support/raw-request.ts'
import { startRelay } from '../support/relay.ts'
import { startUpstream } from '../support/upstream.ts'

const anna = ['anna@example.com', 'the password of anna'] as const
const saysHttps = { 'http.extraHeader': 'X-Forwarded-Proto: https' }

/** Git that knows a password of `contoso` behind this gateway. */
async function world(t: Test, altgate: Altgate) {
  const upstream = await startUpstream(t, ['contoso'])
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna[0]]: anna[1] } })
  const lab = gitLab(t)
  lab.setCredential(...anna)
  return lab
}

t.test('a gateway that has a certificate and a key as Windows saves them', async t => {
  const directory = temporaryDirectory(t)
  const tls = await makeCertificate(directory)
  const forGit = join(directory, 'for-git.pem')
  copyFileSync(tls.certFile, forGit)
  for (const file of [tls.certFile, tls.keyFile])
    writeFileSync(file, `\uFEFF${readFileSync(file, 'utf8').replaceAll('\n', '\r\n')}`)
  const altgate = await startAltgate(t, { tls })
  const lab = await world(t, altgate)
  const address = `${altgate.url}/contoso/welcome.git`
  const trusting = { config: { 'http.sslCAInfo': forGit } }

  await t.test('git clones over https', async t => {
    t.match(altgate.url, /^https:/)
    await lab.must(['clone', address, 'clone'], trusting)
    t.equal(lab.helperActions(), 'get store')

    lab.forget()
    const { code } = await lab.git(['ls-remote', address])
    t.equal(code, 128, 'the certificate counts')
    t.equal(lab.helperActions(), '')
  })

  await t.test('plain http on its port is told so, and asked for no password', async t => {
    lab.forget()
    const { code, stderr } = await lab.git([
      'ls-remote',
      `http://127.0.0.1:${altgate.port}/contoso/welcome.git`,
    ])
    t.equal(code, 128)
    t.match(stderr, 'The requested URL returned error: 403')
    t.equal(lab.helperActions(), '')

    // The second half are methods that OpenSSL does not take for HTTP.
    for (const method of [
      'GET',
      'POST',
      'HEAD',
      'PUT',
      'CONNECT',
      'OPTIONS',
      'PROPFIND',
      'REPORT',
      'DELETE',
    ]) {
      const answer = await rawRequest(altgate.port, `${method} /contoso/x HTTP/1.1\r\nHost: h\r\n\r\n`)
      t.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n[^]*X-Altgate-Outcome: not-allowed\r\n/, method)
      t.match(answer, /^Connection: close\r$/im, method)
      t.match(answer, altgate.url, `${method} is told the address`)
    }
    await lab.must(['ls-remote', address], trusting)
  })
})

t.test('a gateway whose address is https, reached over plain http', async t => {
  const publicUrl = 'https://git.example.com'
  const altgate = await startAltgate(t, { settings: { publicUrl, trustedProxies: ['127.0.0.2'] } })
  const { git, must, helperActions, forget } = await world(t, altgate)
  const address = `${altgate.url}/contoso/welcome.git`

  for (const [who, config] of [
    ['by a client', {}],
    ['by a client that says it was https', saysHttps],
  ] as const) {
    await t.test(`${who}: it is told, before it is asked for a password`, async t => {
      const { code, stderr } = await git(['ls-remote', address], { config })
      t.equal(code, 128)
      t.match(stderr, /^remote: Plain http would expose your password in transit\. Use this/m)
      t.match(stderr, `remote: ${publicUrl}`)
      t.match(stderr, 'The requested URL returned error: 403')
      t.equal(helperActions(), '', 'git neither asked for a password nor forgot one')
    })
  }

  await t.test('by a proxy that is trusted, on behalf of a client that came over https', async t => {
    const proxy = await startRelay(t, altgate.url, { from: '127.0.0.2' })
    await must(['clone', `${proxy.url}/contoso/welcome.git`, 'clone'], { config: saysHttps })
    t.equal(helperActions(), 'get store')

    forget()
    const { code, stderr } = await git(['ls-remote', `${proxy.url}/contoso/welcome.git`])
    t.equal(code, 128, 'but not of one that came over plain http')
    t.match(stderr, 'The requested URL returned error: 403')
  })
})
