import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

t.test(
  'on SIGTERM during a clone it accepts no new connections, finishes the clone, and exits 0',
  async t => {
    const upstream = await startUpstream(t, ['contoso'])
    const relay = await startRelay(t, upstream.url)
    const altgate = await startAltgate(t)
    await altgate.arrange({
      accounts: { contoso: relay.url },
      passwords: { 'anna@example.com': 'first-secret' },
    })
    const lab = gitLab(t)
    lab.setCredential('anna@example.com', 'first-secret')
    // Larger than all buffers on the way, so that the line can be held in the middle of the pack.
    const seed = join(lab.directory, 'seed')
    await lab.must(['clone', upstream.repository('contoso'), seed])
    writeFileSync(join(seed, 'big'), randomBytes(20_000_000))
    // Random bytes do not compress, and must not cost the time of trying, here or there.
    const config = { 'core.compression': '0', 'core.bigFileThreshold': '1m' }
    const there = { ...config, 'receive.unpackLimit': '1' }
    for (const [name, value] of Object.entries(there))
      await lab.must(['-C', upstream.repository('contoso'), 'config', name, value])
    await lab.must(['add', '.'], { cwd: seed, config })
    await lab.must(['commit', '--message=big'], { cwd: seed, config })
    await lab.must(['push'], { cwd: seed, config })

    relay.hold(1_000_000)
    const clone = lab.must(['clone', `${altgate.url}/contoso/welcome.git`, 'slow'])
    await Promise.race([relay.held, clone])
    const stopped = altgate.stop()
    await until(() => refuses(altgate.url))
    relay.release()

    await clone
    await lab.must(['fsck', '--full'], { cwd: join(lab.directory, 'slow') })
    t.equal(await stopped, 0)
  },
)

async function refuses(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  try {
    await once(socket, 'connect')
    return false
  } catch {
    return true
  } finally {
    socket.destroy()
  }
}
