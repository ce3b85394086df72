import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { logWorld } from '../support/log-world.ts'
import { metric } from '../support/metrics.ts'
import { smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

async function endsInTime(t: Test, stop: () => Promise<number>): Promise<void> {
  const began = performance.now()
  t.equal(await stop(), 0)
  t.ok(performance.now() - began < 12_000, 'within the grace')
}

t.test('a log file that is lost', async t => {
  const disk = smallDisk(t)
  const directory = join(disk.directory, 'log')
  const file = join(directory, 'altgate.log')
  const { altgate, tries, triesUntilDropped, isWhole } = await logWorld(t, {
    settings: { log: { file, bufferKiB: 16 } },
  })

  await t.test('a full disk: requests continue, lost lines are counted, and then reported', async t => {
    disk.fill()
    t.equal(await triesUntilDropped('log'), '200 allow')
    t.ok(isWhole(), 'no worker has died')
    t.equal(await altgate.tell('/live'), 'ok\n')
    rmSync(file) // for there would be no room for what is held
    execFileSync('mount', ['-o', 'remount,size=8m', disk.directory])
    await until(() => existsSync(file) && readFileSync(file, 'utf8').includes('lines could not be written'))
    t.equal(await tries(50), '200 allow')
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    t.ok(lines.filter(line => !isJson(line)).length <= 3, 'but for the line in which the disk was full')
  })

  await t.test('moved away, or with its folder: it is created again, readable by its user only', async t => {
    renameSync(file, `${file}.1`)
    await until(async () => (await tries(50)) === '200 allow' && existsSync(file))
    rmSync(directory, { recursive: true })
    await until(async () => (await tries(50)) === '200 allow' && existsSync(file))
    t.equal(execFileSync('stat', ['--format=%a', file], { encoding: 'utf8' }).trim(), '600')
  })
  await endsInTime(t, altgate.stop)
})

t.test('a full disk under the audit log', async t => {
  await t.test('drop: requests continue', async t => {
    const disk = smallDisk(t)
    const audit = { file: join(disk.directory, 'audit.log') }
    const log = { file: join(temporaryDirectory(t), 'altgate.log'), bufferKiB: 16 }
    const { altgate, triesUntilDropped, isWhole } = await logWorld(t, { settings: { audit, log } })
    disk.fill()
    t.equal(await triesUntilDropped('audit'), '200 allow')
    t.ok(isWhole(), 'no worker has died')
    const told = '"code":"ENOSPC","msg":"audit lines cannot be written"'
    await until(() => readFileSync(log.file, 'utf8').includes(told))
    await endsInTime(t, altgate.stop)
  })
  await t.test('refuse: 503 until there is room again, and no line is lost', async t => {
    const disk = smallDisk(t)
    const file = join(disk.directory, 'audit.log')
    const { altgate, tries, dropped } = await logWorld(t, {
      settings: { audit: { file, onFailure: 'refuse' } },
    })
    t.equal(await tries(50), '200 allow')
    disk.fill()
    await until(async () => (await tries(50)) === '503 unavailable')
    const refused = await ask(`${altgate.url}/contoso/x`)
    t.equal(summary([refused]), '503 unavailable', 'the anonymous, too')
    t.match(refused.body, 'write its audit log')
    t.equal(await dropped('audit'), 0)
    disk.empty()
    await until(async () => (await tries(50)) === '200 allow')
    const allowedBefore = metric(altgate, 'altgate_decisions_total', { outcome: 'allow' })
    await allowedBefore
    await endsInTime(t, altgate.stop)
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    t.ok(lines.filter(line => !isJson(line)).length <= 3, 'but for the line in which the disk was full')
    const allowed = lines.filter(line => isJson(line) && JSON.parse(line).outcome === 'allow')
    t.equal(allowed.length, await allowedBefore)
  })
})

t.test('a log file that cannot be written is reported at the start, in a sentence', async t => {
  const directory = temporaryDirectory(t)
  await t.rejects(startAltgate(t, { settings: { log: { file: directory } } }), {
    message: /log\.file: .* cannot be written \(EISDIR\)\n/,
  })
})
