import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { makeRepository, startGitUpstream } from '../../src/demo/git-upstream.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import { foldUsername, msaScope } from '../../src/gateway/names.ts'
import type { NewPassword } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { startAltgate } from '../support/altgate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'

const anna = foldUsername('anna@example.com')
const day = 24 * 60 * 60 * 1000

t.test(
  'three machines: each terminal says what is the matter, and two gateways announce each end once',
  async t => {
    const events: Record<string, unknown>[] = []
    const receiver = createServer(async (request, response) => {
      events.push(JSON.parse(await text(request)) as Record<string, unknown>) // the gateway's own JSON
      response.writeHead(204).end()
    }).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    t.teardown(() => void receiver.close())
    const { url } = await startPostgres(t)

    // Forty days ago.
    const clock = { now: Date.now() - 40 * day }
    const store = await openStore({ url: new Secret(url), clock: () => clock.now })
    t.teardown(() => store.close())
    const generated = createGeneratedPasswords(await store.key('passwords'))
    const registry = store.registry(async () => {})
    const add = async (name: string, rest: Partial<NewPassword>) => {
      const { id, mac, password } = generated.make()
      const its = { id, mac, name, readOnly: false, ...rest }
      t.equal(await registry.addPassword('test', msaScope, { username: anna }, its), undefined)
      return password.reveal()
    }
    const now = Date.now()
    const passwords = {
      laptop: await add('laptop', { endsAt: now + 6.5 * day }),
      farm: await add('farm', { endsAt: now - 1.5 * day }),
      mirror: await add('mirror', { endsAt: now + 200 * day, readOnly: true }),
      builder: await add('builder', { endsAt: now + 200 * day }),
    }
    clock.now = now
    await add('builder', { endsAt: now + 300 * day, replacing: { graceMs: 2 * 60 * 60 * 1000 } })

    const settings = {
      store: { url },
      notice: { webhookUrl: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` }, // listening on TCP
    }
    const gateways = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
    const repositories = temporaryDirectory(t)
    await makeRepository(repositories, 'fabrikam/r')
    const upstream = await startGitUpstream({ directory: repositories, host: '127.0.0.1', port: 0 })
    t.teardown(() => upstream.close())
    await gateways[0].arrange({ accounts: { fabrikam: upstream.url } })

    const remote = `${gateways[1].url}/fabrikam/r.git`
    const push = async (password: string) => {
      const lab = gitLab(t)
      lab.setCredential(anna, passwords.mirror)
      await lab.must(['clone', '--quiet', remote, 'clone'])
      lab.setCredential(anna, password)
      const cwd = join(lab.directory, 'clone')
      await lab.must(['commit', '--quiet', '--allow-empty', '--message=one more'], { cwd })
      lab.forget()
      const { code, stderr } = await lab.git(['push', 'origin', `HEAD:refs/heads/${randomUUID()}`], { cwd })
      const said = stderr.replaceAll(/ *\nremote: /g, ' ')
      return { code, said, helper: lab.helperActions() }
    }

    const laptop = await push(passwords.laptop)
    t.equal(laptop.code, 0, laptop.said)
    t.match(laptop.said, 'Your password "laptop" ends in 7 days, on ')
    t.match(laptop.said, `${gateways[1].url}/_altgate/?account=fabrikam`)

    const farm = await push(passwords.farm)
    t.not(farm.code, 0)
    const last = new Date(now - 1.5 * day).toISOString().slice(0, 10)
    t.match(farm.said, `Your password "farm" ended on ${last} and no longer works.`)
    t.equal(farm.helper, 'get erase')

    const mirror = await push(passwords.mirror)
    t.not(mirror.code, 0)
    t.match(mirror.said, 'Your password "mirror" is read-only,')
    t.equal(mirror.helper, 'get')

    const builder = await push(passwords.builder)
    t.equal(builder.code, 0)
    t.match(
      builder.said,
      /Your password "builder" was replaced on [-\d]+, and the old one that you use ends at \d\d:\d\d UTC/,
    )

    const told = () => events.map(({ password, days }) => `${String(password)} ${String(days)}`).toSorted()
    await until(() => events.length >= 2)
    t.equal(await gateways[0].stop(), 0)
    t.equal(await gateways[1].stop(), 0)
    t.strictSame(told(), ['farm 0', 'laptop 7'])
    // Its announcement is the last in order, so what was repeated would have come before it.
    clock.now = now - 40 * day
    await add('later', { endsAt: now + 6.9 * day })
    await startAltgate(t, { settings })
    await until(() => told().includes('later 7'))
    t.strictSame(told(), ['farm 0', 'laptop 7', 'later 7'])
  },
)
