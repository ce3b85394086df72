import t from 'tap'
import * as faults from './faults.ts'
import { basic } from '../support/public-server.ts'
import { setTheStage } from './setting.ts'
import type { Fault } from './upstream.ts'

/** What each fault costs a command, on its first request and on its transfer. */
interface Case {
  readonly fault: Fault
  /** What the person reads if the first request fails; what goes wrong in a transfer git does not show. */
  readonly told: string
  readonly status: number
}

const broken = 'remote: The service behind this gateway '
const cases: Readonly<Record<string, Case>> = {
  'asks for a password in five schemes': {
    fault: faults.asksForAPassword,
    told: `${broken}rejected the gateway's authentication.\n`,
    status: 502,
  },
  'redirects to another origin': {
    fault: faults.redirectsToAnotherOrigin,
    told: `${broken}redirected the request elsewhere.\n`,
    status: 502,
  },
  'redirects to its own sign-in page': {
    fault: faults.redirectsToItsSignIn,
    told: `${broken}rejected the gateway's authentication.\n`,
    status: 502,
  },
  'shows a page with 200': {
    fault: faults.showsAPage(200),
    told: `${broken}returned a web page.\n`,
    status: 502,
  },
  'shows a page with 203': {
    fault: faults.showsAPage(203),
    told: `${broken}returned a web page.\n`,
    status: 502,
  },
  'is in maintenance': { fault: faults.isInMaintenance, told: 'remote: Back at noon.\n', status: 503 },
  'hangs up': {
    fault: faults.hangsUp,
    told: `${broken}disconnected before it answered.\n`,
    status: 502,
  },
  'stays silent': {
    fault: faults.staysSilent,
    told: `${broken}did not answer in time.\n`,
    status: 504,
  },
}

/** For upstreams that say nothing. The others have the usual time: on a busy machine, git may begin to answer late. */
function patienceFor(fault: Fault, isFirst = false) {
  const isSilent = fault === faults.staysSilent || fault === faults.fallsSilentHalfway
  if (!isSilent) return {}
  // In front of a transfer, git answers the first request.
  const seconds = isFirst ? 1 : 4
  return { patience: { headersTimeoutSeconds: seconds, idleTimeoutSeconds: seconds } }
}

for (const [what, { fault, told, status }] of Object.entries(cases)) {
  t.test(`an upstream that ${what} fails the command, not the password`, async t => {
    const { lab, remote, upstream } = await setTheStage(t, patienceFor(fault, true))
    upstream.fail(fault, faults.onTheFirst)
    const { code, stderr } = await lab.git(['ls-remote', remote])
    t.equal(code, 128)
    t.match(stderr, told)
    t.match(stderr, `The requested URL returned error: ${status}\n`)
    t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
    t.strictSame(upstream.asked(), ['GET /info/refs'], 'asked once')
  })

  t.test(`an upstream that ${what} in the middle of a clone takes no password along`, async t => {
    const { lab, remote, upstream } = await setTheStage(t, patienceFor(fault))
    upstream.fail(fault, faults.onTheTransfer)
    const { code, stderr } = await lab.git(['clone', remote])
    t.equal(code, 128)
    t.match(stderr, `RPC failed; HTTP ${status} `)
    t.equal(lab.helperActions(), 'get store')
    t.strictSame(upstream.asked(), ['GET /info/refs', 'POST /git-upload-pack'], 'a POST is never repeated')
  })
}

for (const [what, fault] of Object.entries({
  'breaks off': faults.hangsUpHalfway,
  'falls silent': faults.fallsSilentHalfway,
})) {
  for (const [where, which] of Object.entries({ first: faults.onTheFirst, second: faults.onTheTransfer })) {
    t.test(`an upstream that ${what} in its ${where} answer is no success, and no refusal`, async t => {
      const isFirst = which === faults.onTheFirst
      const { lab, remote, upstream } = await setTheStage(t, patienceFor(fault, isFirst))
      upstream.fail(fault, which)
      const { code, stderr } = await lab.git(['clone', remote])
      t.equal(code, 128)
      t.match(stderr, /^(?:error|fatal): /m)
      t.notMatch(lab.helperActions(), 'erase')
    })
  }
}

t.test('an upstream that is slow is waited for', async t => {
  const { lab, remote, upstream } = await setTheStage(t)
  upstream.fail(faults.isSlow, faults.onTheFirst)
  t.match(await lab.must(['ls-remote', remote]), /^[0-9a-f]{40}\tHEAD\n/)
  t.equal(lab.helperActions(), 'get store')
})

t.test('a repository that was renamed within the account is cloned from the gateway', async t => {
  const { lab, remote, upstream, server } = await setTheStage(t)
  upstream.fail(
    ({ url = '' }, response) => {
      const location = upstream.url + url.replace('/old.git/', '/welcome.git/')
      response.writeHead(302, { Location: location }).end()
    },
    ({ url = '' }) => url.startsWith('/fabrikam/old.git/'),
  )
  // git keeps the new address only if its first request was sent elsewhere, so the credential comes with it.
  const config = { 'http.extraHeader': `Authorization: ${basic()}` }
  const { code, stderr } = await lab.git(['clone', remote.replace('welcome', 'old'), 'clone'], { config })
  t.equal(code, 0, stderr)
  t.match(stderr, `warning: redirecting to ${server.url}/fabrikam/welcome.git/\n`)
  t.equal(upstream.asked()[0], 'GET /fabrikam/old.git/info/refs')
  t.equal(upstream.asked().at(-1), 'POST /git-upload-pack')
})
