import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { createServer } from '../../../src/engine/http.ts'
import { loadSettings } from '../../../src/settings/load.ts'
import { temporaryDirectory } from '../../support/directory.ts'
import { fillStore } from '../fill-store.ts'
import { anna, basic } from '../people.ts'
import { answerBytes } from '../upstream.ts'
import { stepsOf } from './steps.ts'

t.test(
  'every step of a ladder does its work, and from the decision on only for the right password',
  async t => {
    const body = 'a'.repeat(answerBytes)
    const server = createServer((_, response) => void response.end(body)).listen({
      port: 0,
      host: '127.0.0.1',
    })
    await once(server, 'listening')
    t.teardown(() => server.close().closeAllConnections())
    const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const folder = temporaryDirectory(t)
    const url = `sqlite:${join(folder, 'altgate.db')}`
    await fillStore(url, { upstream })
    const file = join(folder, 'altgate.yaml')
    const log = { file: join(folder, 'altgate.log') }
    writeFileSync(
      file,
      stringify({ publicUrl: 'http://127.0.0.1', store: { url }, log, trustedProxies: ['127.0.0.1'] }),
    )
    const loaded = loadSettings({ file, env: {}, cwd: folder })
    if ('complaints' in loaded) throw new Error('the settings of this test are wrong')

    for (const ladder of ['proxied', 'forward-auth'] as const) {
      let decides = false
      for (const { adds, serve } of stepsOf(ladder)) {
        const { port, close } = await serve({ settings: loaded.settings, upstream })
        const path = ladder === 'proxied' ? '/fabrikam/hello' : '/nginx'
        const ask = (password: string) => {
          const original = { 'X-Original-URI': '/fabrikam/hello', 'X-Original-Method': 'GET' }
          const headers = { ...original, Authorization: basic({ ...anna, password }) }
          return fetch(`http://127.0.0.1:${port}${path}`, { headers })
        }
        const right = await ask(anna.password)
        t.equal(right.status, 200, `${ladder}: ${adds}`)
        t.equal(await right.text(), ladder === 'proxied' ? body : '')
        decides ||= adds.startsWith('the decision')
        t.equal((await ask('a wrong password')).status, decides ? 401 : 200)
        await close()
      }
      t.ok(decides)
    }
  },
)
