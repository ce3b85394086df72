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
