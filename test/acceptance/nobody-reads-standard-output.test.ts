import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { logWorld } from '../support/log-world.ts'
import { until } from '../support/until.ts'

async function endsInTime(t: Test, stop: () => Promise<number>): Promise<void> {
  const began = performance.now()
  t.equal(await stop(), 0)
  t.ok(performance.now() - began < 12_000, 'within the grace')
}

t.test('an unread standard output', async t => {
  const fifo = join(temporaryDirectory(t), 'out')
  execFileSync('mkfifo', [fifo])
  const reader = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(reader))
  const within = ['sh', '-c', `exec "$@" > ${fifo}`, 'sh']
  const { altgate, tries, dropped } = await logWorld(t, { within, settings: { log: { bufferKiB: 16 } } })

  await t.test('stops nothing, and lost lines are reported once it is read', async t => {
    let answered = ''
    await until(async () => {
      answered = await tries(50)
      return answered !== '200 allow' || (await dropped('log')) > 0
    })
    t.equal(answered, '200 allow')
    let text = ''
    const chunk = Buffer.alloc(65_536)
    await until(() => {
      try {
        for (;;) text += chunk.toString('utf8', 0, readSync(reader, chunk))
      } catch {
        return text.includes('lines could not be written') // that was all for now
      }
    })
    t.equal(await tries(100), '200 allow')
  })

  await t.test('does not keep the gateway from ending', async t => {
    const before = await dropped('log')
    await until(async () => {
      await tries(50)
      return (await dropped('log')) > before
    })
    await endsInTime(t, altgate.stop)
  })
})

for (const [name, redirection] of [
  ['full', '> /dev/full'],
  ['closed', '| true'],
  ['gone', '>&-'],
])
  t.test(`a standard output that is ${name} does not end the gateway`, async t => {
    const within =
      name === 'closed'
        ? ['bash', '-c', 'exec "$@" > >(exec true)', 'bash']
        : ['sh', '-c', `exec "$@" ${redirection}`, 'sh']
    const { altgate, tries, isWhole } = await logWorld(t, { within, settings: { log: {} } })
    t.equal(await tries(50), '200 allow')
    t.ok(isWhole(), 'no worker has died')
    await endsInTime(t, altgate.stop)
  })
