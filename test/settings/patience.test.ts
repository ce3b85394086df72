// A gateway that gives up before its client turns a slow success into a failure.
import t from 'tap'
import { loadSettings } from '../../src/settings/load.ts'

t.test(
  'unless told otherwise, the gateway waits as long as the most patient client: half an hour',
  async t => {
    const cwd = new URL('../..', import.meta.url).pathname
    const halfAnHour = 30 * 60
    t.match(loadSettings({ file: 'config/development.yaml', env: {}, cwd }), {
      settings: { upstream: { headersTimeoutSeconds: halfAnHour, idleTimeoutSeconds: halfAnHour } },
    })
  },
)

t.test('unless told otherwise, the largest package of a feed is read before its password', async t => {
  const cwd = new URL('../..', import.meta.url).pathname
  const loaded = loadSettings({ file: 'config/development.yaml', env: {}, cwd })
  if ('complaints' in loaded) throw new Error('the settings of the demo are refused')
  const { maxBytes, maxSeconds } = loaded.settings.refusedBodies
  const package500 = 500 * 2 ** 20
  t.ok(maxBytes >= package500)
  t.ok(maxSeconds >= (package500 * 8) / 20e6, 'over a line of 20 Mbit/s')
})
