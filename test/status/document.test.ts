import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { AccountName, Username } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Refusal } from '../../src/gateway/ports.ts'
import { schema } from '../../src/settings/schema.ts'
import { certificateEnds } from '../../src/status/certificates.ts'
import { viewOfStore, withoutNames } from '../../src/status/document.ts'
import { chartsOf, loadOf } from '../../src/status/load.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'

const now = Date.parse('2026-11-27T12:00:00Z')
const refusal: Refusal = {
  reference: '0123456789abcdef01234567',
  at: now - 1000,
  outcome: 'refused',
  cause: 'canary-absent',
  account: 'canary-fabrikam' as AccountName,
  user: 'canary-anna' as Username,
  from: '192.0.2.77',
  tool: 'canary/1',
  method: 'GET',
  kind: 'rest',
}
const gateway = {
  id: 'g1',
  host: 'one',
  version: '1.2.3',
  startedAt: now - 5000,
  settings: '0123456789ab',
  ready: true,
  workers: { listening: 2, of: 2 },
  decisionsPerSecond: 3,
}
const store = {
  overview: {
    announce: async () => {},
    leave: async () => {},
    gateways: async () => [
      { ...gateway, seenMsAgo: 30_000 },
      { ...gateway, id: 'g2', seenMsAgo: 30_001 },
    ],
    lastMoves: async () => [
      {
        account: 'canary-fabrikam' as AccountName,
        at: now,
        actor: 'canary:root',
        to: { kind: 'entra', directoryId: 'canary-id' as never, directoryName: 'canary-directory' } as const,
        undo: false,
      },
    ],
  },
  refusals: { list: async () => [{ ...refusal, reference: 'older' }, refusal] },
}

t.test('the store tells operators everything, and the operations port no name and no cause', async t => {
  const view = await viewOfStore(store, { self: 'g1', now: () => now })
  t.match(view, {
    gateways: [
      { id: 'g1', self: true, silent: false, seenAt: '2026-11-27T11:59:30.000Z' },
      { id: 'g2', self: false, silent: true },
    ],
    moves: [
      { account: 'canary-fabrikam', directory: 'canary-directory', actor: 'canary:root', to: 'directory' },
    ],
    refusals: [
      { reference: refusal.reference, user: 'canary-anna', cause: 'canary-absent' },
      { reference: 'older' },
    ],
  })
  const open = withoutNames(view)
  t.notMatch(JSON.stringify(open), /canary|192\.0\.2/)
  t.match(open, {
    gateways: [{ host: 'one' }, {}],
    moves: [{ to: 'directory', undo: false }],
    refusals: [{ reference: refusal.reference, outcome: 'refused' }, {}],
  })
})

t.test('what the store does not answer is unknown, and the rest is shown', async t => {
  const broken = {
    ...store,
    overview: {
      ...store.overview,
      gateways: async () => {
        throw new Outage('store', new Error('canary'))
      },
      lastMoves: () => new Promise<never>(() => {}), // it hangs
    },
  }
  const view = await viewOfStore(broken, { now: () => now })
  t.match(view, {
    gateways: { unknown: 'the store is unavailable' },
    moves: { unknown: 'the store gives no answer' },
    refusals: [{}, {}],
  })
  t.strictSame(withoutNames(view).moves, view.moves)
})

t.test('rates and charts of what was counted', async t => {
  const counts = new Map([
    ['outcome refused', 5],
    ['outcome allow', 20],
    ['outcome busy', 1],
    ['outcome challenge', 4],
    ['via l1', 9],
    ['via l2', 6],
    ['via store', 5],
    ['via none', 10],
    ['hash', 7],
    ['load-test', 2],
  ])
  t.strictSame(loadOf({ seconds: 10, counts, queue: 3 }), {
    seconds: 10,
    perSecond: { allow: 2, refused: 0.5, challenge: 0.4, busy: 0.1 },
    decisionsPerSecond: 3,
    loadTestPerSecond: 0.2,
    hashesPerSecond: 0.7,
    cacheHits: 0.75,
  })
  t.match(loadOf({ seconds: 0, counts: new Map(), queue: 0 }), {
    decisionsPerSecond: 0,
    cacheHits: { unknown: 'no request needed a verdict' },
  })
  t.strictSame(chartsOf([{ seconds: 10, counts, queue: 3 }], 10), {
    stepSeconds: 10,
    steps: [
      { allowedPerSecond: 2, refusedPerSecond: 0.9, failedPerSecond: 0.1, cacheHits: 0.75, hashQueue: 3 },
    ],
  })
})

t.test('every certificate that the settings name tells its end, and no path', async t => {
  const directory = temporaryDirectory(t)
  const { certFile, keyFile } = await makeCertificate(directory)
  const broken = join(directory, 'broken.pem')
  writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  const settings = schema.parse({
    listen: { tls: { certFile, keyFile } },
    upstream: { caFile: broken },
    accounts: { azureDevOps: { caFile: join(directory, 'none.pem') } },
    redis: { url: 'rediss://127.0.0.1', caFile: keyFile },
  })
  const ends = certificateEnds(settings)
  t.match(ends, [
    { setting: 'listen.tls.certFile', ends: { certificates: 1, at: /^20.*Z$/ } },
    { setting: 'upstream.caFile', ends: { unknown: 'the file contains a certificate that cannot be read' } },
    {
      setting: 'accounts.azureDevOps.caFile',
      ends: { unknown: /^the file cannot be read: there is no such/ },
    },
    { setting: 'redis.caFile', ends: { unknown: 'the file contains no certificate' } },
  ])
  t.notMatch(JSON.stringify(ends), directory)
  t.strictSame(certificateEnds(schema.parse({})), [])
})
