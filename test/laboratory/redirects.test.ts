import t, { type Test } from 'tap'
import { gitLab } from '../support/git.ts'
import { anna, basic } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { asksForAPassword } from './faults.ts'
import { setTheStage } from './setting.ts'
import { laboratoryUpstream, repositoryPath, type Fault } from './upstream.ts'

/**
 * What git does with a redirect to another origin, without a gateway in between: why the gateway sends it to none
 * (ADR 0040). A server that wants the password first, as the gateway does, and then redirects.
 */
async function redirectingServer(t: Test, elsewhere: string) {
  const server = await recordingUpstream(t, ({ headers, url }, response) => {
    if (headers.authorization === undefined)
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end()
    else response.writeHead(302, { Location: elsewhere + url }).end()
  })
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  return { lab, server, remote: server.url + repositoryPath }
}

t.test(
  'git follows a redirect elsewhere without the password, and a 401 there erases the right one',
  async t => {
    const elsewhere = await laboratoryUpstream(t)
    elsewhere.fail(asksForAPassword)
    const { lab, remote } = await redirectingServer(t, elsewhere.url)
    const { code } = await lab.git(['ls-remote', remote])
    t.equal(code, 128)
    t.strictSame(elsewhere.last().values('authorization'), [])
    t.equal(lab.helperActions(), 'get erase')
  },
)

t.test('git that was let in elsewhere still posts to where it came from', async t => {
  const elsewhere = await laboratoryUpstream(t)
  const { lab, server, remote } = await redirectingServer(t, elsewhere.url)
  const { code, stderr } = await lab.git(['clone', remote])
  t.equal(code, 128)
  t.match(stderr, 'RPC failed; HTTP 302')
  t.equal(server.last().url, `${repositoryPath}/git-upload-pack`)
  t.strictSame(elsewhere.asked(), ['GET /info/refs'])
})

t.test('git that is told to follow every redirect has its password erased by one of a transfer', async t => {
  const elsewhere = await laboratoryUpstream(t)
  elsewhere.fail(asksForAPassword)
  const here = await laboratoryUpstream(t)
  here.fail(({ method, headers, url }, response, serve) => {
    if (headers.authorization === undefined)
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end()
    else if (method === 'GET') serve()
    else response.writeHead(307, { Location: elsewhere.url + url }).end()
  })
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  const config = { 'http.followRedirects': 'true' }
  t.equal((await lab.git(['clone', here.url + repositoryPath], { config })).code, 128)
  t.strictSame(elsewhere.last().values('authorization'), [])
  t.match(lab.helperActions(), /erase/)
})

const toAnotherOrigin =
  (elsewhere: string): Fault =>
  ({ url }, response) =>
    void response.writeHead(302, { Location: elsewhere + url }).end()

t.test(
  'through the gateway git fails with a message, keeps the password and contacts no other server',
  async t => {
    const elsewhere = await laboratoryUpstream(t)
    for (const config of [{}, { 'http.followRedirects': 'true' }]) {
      for (const which of ['GET', 'POST']) {
        const { lab, remote, upstream } = await setTheStage(t)
        upstream.fail(toAnotherOrigin(elsewhere.url), ({ method }) => method === which)
        const { code, stderr } = await lab.git(['clone', remote], { config })
        t.equal(code, 128)
        t.match(stderr, /502/)
        t.notMatch(lab.helperActions(), 'erase')
      }
    }
    t.strictSame(elsewhere.requests, [])
  },
)

t.test('a renamed repository is found by every spelling of the gateway\u2019s own address', async t => {
  const { lab, upstream, server } = await setTheStage(t)
  upstream.fail(
    (request, response) => {
      const { url = '', headers } = request
      const to = `${String(headers['x-forwarded-proto'])}://${String(headers['x-forwarded-host'])}`
      response.writeHead(301, { Location: to + url.replace('/old.git/', '/welcome.git/') }).end()
    },
    ({ url = '' }) => url.startsWith('/fabrikam/old.git/'),
  )
  const config = { 'http.extraHeader': `Authorization: ${basic()}` }
  for (const [at, host] of ['127.0.0.1', 'LOCALHOST', '127.1', '0x7f.0.0.1'].entries()) {
    const remote = `http://${host}:${server.port}/fabrikam/old.git`
    const { code, stderr } = await lab.git(['clone', remote, `clone-${at}`], { config })
    t.equal(code, 0, `${host}: ${stderr}`)
  }
})
