import t from 'tap'
import type { Busy, Throttled } from '../../src/gateway/decision.ts'
import type { Gateway } from '../../src/gateway/gateway.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { givenDelegation } from '../support/delegation.ts'
import { gitLfs } from '../support/git-lfs.ts'
import { jgit } from '../support/jgit.ts'
import { libgit2 } from '../support/libgit2.ts'
import { freePort } from '../support/ports.ts'
import { anna, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { tf, tfTransfer } from '../support/tee.ts'
import { type SignIn, wireTo } from '../support/wire.ts'
import { aWorld, entra, msa } from '../support/world.ts'

const upstream = await recordingUpstream(t)
const former = { connection: msa, leftAt: Date.UTC(2026, 10, 20) }
const off = { username: 'off@example.com', password: 'correct', enabled: false }
const wrong = { username: anna.username, password: 'wrong' }
const unnamed = { username: '', password: 'wrong' }
const empty = { username: anna.username, password: '' }

const aFreshWorld = () =>
  aWorld({
    accounts: [
      { name: 'fabrikam', upstream: upstream.url },
      { name: 'moved', connection: entra('Größe + 100 %'), former, upstream: upstream.url },
      { name: 'dead', upstream: `http://127.0.0.1:${deadPort}` },
    ],
    credentials: [anna, off],
  })
const deadPort = await freePort()
const server = await runningServer(t, { upstream: upstream.url, world: aFreshWorld() })

const httpsOnly = await runningServer(t, {
  upstream: upstream.url,
  world: aWorld({ accounts: [{ name: 'fabrikam', upstream: upstream.url }], httpsOnly: true }),
})
const broken = await runningServer(t, {
  upstream: upstream.url,
  world: aWorld({
    directory: {
      find() {
        throw new Outage('store', new Error('gone'))
      },
    },
  }),
})
const unsigned = await runningServer(t, {
  upstream: upstream.url,
  world: aWorld({
    accounts: [{ name: 'fabrikam', upstream: upstream.url }],
    credentials: [anna],
    delegation: givenDelegation('ended'),
  }),
})
/** Challenges first, and then answers with its own reason. */
const later = (decision: Throttled | Busy) => {
  const { gateway } = server.world
  const put: Gateway = {
    ...gateway,
    decide: async ask => (ask.authorization.length === 0 ? gateway.decide(ask) : decision),
  }
  return runningServer(t, { upstream: upstream.url, gateway: put })
}
const throttling = await later({ outcome: 'throttled', by: 'credential', retryAfter: 30 })
const busy = await later({ outcome: 'busy', retryAfter: 30 })

/** An outcome; where and with what it comes about; what `tf` shows, and after how many sign-ins of three. */
const endings: readonly {
  readonly outcome: string
  readonly url: string
  readonly signIn: SignIn
  readonly status: number
  readonly tf: { readonly shown: string | RegExp; readonly asked: number }
  readonly requests?: number
}[] = [
  {
    outcome: 'allow',
    url: `${server.url}/fabrikam`,
    signIn: anna,
    status: 200,
    tf: { shown: 'ok', asked: 1 },
  },
  {
    outcome: 'reset-needed',
    url: `${server.url}/moved`,
    signIn: anna,
    status: 401,
    tf: {
      shown:
        /at https:\/\/git\.example\.com\/moved\. Reset needed: .*"Größe \+ 100 %"\. .*\?account=moved Reference/,
      asked: 1,
    },
  },
  ...[wrong, unnamed, empty].map((signIn, at) => ({
    outcome: ['refused', 'garbled', 'challenge'][at] ?? '',
    url: `${server.url}/fabrikam`,
    signIn,
    status: 401,
    tf: { shown: 'Access denied connecting to TFS server', asked: 3 },
  })),
  {
    outcome: 'disabled',
    url: `${server.url}/fabrikam`,
    signIn: off,
    status: 403,
    tf: { shown: /^Your user name and password are right, but .* Reference: \w+$/, asked: 1 },
  },
  {
    outcome: 'sign-in-needed',
    url: `${unsigned.url}/fabrikam`,
    signIn: anna,
    status: 403,
    tf: { shown: /^Sign-in needed: your sign-in .*\?account=fabrikam Reference: \w+$/, asked: 1 },
  },
  {
    outcome: 'no-account',
    url: `${server.url}/nobody`,
    signIn: anna,
    status: 404,
    tf: { shown: /^There is no such account here\. .* Reference: \w+$/, asked: 1 },
  },
  {
    outcome: 'throttled',
    url: `${throttling.url}/fabrikam`,
    signIn: anna,
    status: 429,
    tf: {
      shown: /^An error occurred: Too many attempts\. Try again in 30 seconds\. .* Reference: \w+$/,
      asked: 1,
    },
  },
  {
    outcome: 'upstream-failed',
    url: `${server.url}/dead`,
    signIn: anna,
    status: 502,
    tf: { shown: /^The service behind this gateway could not be reached\. .* Reference: \w+$/, asked: 1 },
  },
  {
    outcome: 'busy',
    url: `${busy.url}/fabrikam`,
    signIn: anna,
    status: 503,
    tf: { shown: /^An error occurred: The gateway is overloaded .* Reference: \w+$/, asked: 1 },
  },
  {
    outcome: 'unavailable',
    url: `${broken.url}/fabrikam`,
    signIn: anna,
    status: 503,
    tf: {
      shown: /^An error occurred: The gateway cannot check .* change your credentials\. Reference: \w+$/,
      asked: 1,
    },
  },
  // There is no challenge over plain http.
  {
    outcome: 'not-allowed',
    url: `${httpsOnly.url}/fabrikam`,
    signIn: anna,
    status: 403,
    tf: {
      shown: /^Plain http would expose your password .* https:\/\/git\.example\.com Reference: \w+$/,
      asked: 1,
    },
    requests: 1,
  },
]

for (const { outcome, url, signIn, status, tf: expected, requests = 2 } of endings) {
  t.test(
    `${outcome}: tf says why where it can, and asks again only if another password may help`,
    async t => {
      // The same wrong password may be repeated twenty times in all.
      for (const version of status === 401 ? (['1.1'] as const) : (['1.1', '1.2'] as const)) {
        const run = await tf(`${url}/Services/v3.0/LocationService.asmx`, [signIn, signIn, signIn], version)
        t.match(run, expected)
        t.equal(run.requests, requests * expected.asked)
      }
    },
  )

  t.test(`${outcome}: tf says why a transfer failed, and other clients get the plain status`, async t => {
    if (status === 401) return
    for (const [method, path] of [
      ['GET', 'DefaultCollection/VersionControl/v1.0/item.ashx?fid=1'],
      ['POST', 'DefaultCollection/VersionControl/v1.0/upload.ashx'],
      ['GET', 'VersionControlProxy/V1.0/item.asmx?fid=1'],
      ['GET', 'DefaultCollection/WorkItemTracking/v1.0/AttachFileHandler.ashx?FileNameGUID=1'],
    ] as const) {
      const shown = await tfTransfer(`${url}/${path}`, method, signIn)
      if (status === 200) t.equal(shown, 'ok')
      else if (status === 503) t.equal(shown, `The server returned HTTP status ${status}`)
      else t.match(shown, /^(?!The server)[^]*Reference: \w+\n$/)
      const curl = await wireTo(`${url}/${path}`, method, { 'User-Agent': 'curl/8.5.0' }).send(signIn)
      t.equal(curl.status, status)
    }
    for (const headers of [
      { 'User-Agent': 'curl/8.5.0' },
      { Accept: 'text/html', 'User-Agent': 'Mozilla/5.0' },
    ])
      t.equal((await wireTo(`${url}/a.asmx`, 'GET', headers).send(signIn)).status, status)
  })

  t.test(`${outcome}: JGit, libgit2 and git-lfs end`, async t => {
    const helper = Array.from({ length: 50 }, () => signIn)
    const asked = requests - 1
    if (status !== 401) {
      const git = status === 200 ? 'ok' : `unexpected http status code: ${status}`
      const shown = status < 405 ? /^ok$|^not found$|^service not permitted$/ : /^\d{3} .* Reference: \w{24}$/
      t.match(await jgit(`${url}/r.git`, helper), { shown, requests, asked })
      t.strictSame(await libgit2(`${url}/r.git`, helper), { shown: git, requests, asked })
      t.strictSame(await gitLfs(`${url}/r.git`, helper), { shown: String(status), requests, asked })
      return
    }
    t.strictSame(await jgit(`${url}/r.git`, helper), { shown: 'not authorized', requests: 4, asked: 3 })
    t.match(await libgit2(`${url}/r.git`, helper), { shown: /^too many /, requests: 15, asked: 14 })
    // It would ask its helper for ever. A wrong password is wrong again; an unreadable one costs nothing.
    const lfs = await gitLfs(`${url}/r.git`, helper)
    if (outcome === 'refused') t.match(lfs, { shown: '403' })
    else t.strictSame(lfs, { shown: '401', requests: 51, asked: 50 })
  })
}

t.test('a user who mistypes a password may try again', async t => {
  const fresh = await runningServer(t, { upstream: upstream.url, world: aFreshWorld() })
  const url = `${fresh.url}/fabrikam`
  t.strictSame(await tf(`${url}/x.asmx`, [wrong, anna]), { shown: 'ok', requests: 4, asked: 2 })
  for (const tool of [jgit, libgit2])
    t.strictSame(await tool(`${url}/r.git`, [wrong, anna]), { shown: 'ok', requests: 3, asked: 2 })
  t.strictSame(await gitLfs(`${url}/r.git`, [wrong, anna]), { shown: '200', requests: 3, asked: 2 })
})

t.test('a repeated wrong password costs one hash and is stopped', async t => {
  const world = aFreshWorld()
  const { url } = await runningServer(t, { upstream: upstream.url, world })
  const helper = Array.from({ length: 50 }, () => wrong)
  for (const tool of [jgit, libgit2])
    t.match(await tool(`${url}/fabrikam/r.git`, helper), { shown: /^not|^too/ })
  // Three and fourteen times before; twenty repetitions in all.
  t.strictSame(await gitLfs(`${url}/fabrikam/r.git`, helper), { shown: '403', requests: 6, asked: 5 })
  t.match(await jgit(`${url}/fabrikam/r.git`, helper), {
    shown: /^429 Too many attempts\. Try again in /,
    requests: 2,
    asked: 1,
  })
  t.equal(world.hashes(), 1)
})
