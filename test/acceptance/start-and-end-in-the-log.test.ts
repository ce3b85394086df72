import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { altgate as command } from '../support/program.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** The lines with this message, from the log of a gateway. */
function linesOf(logs: string, message: string): readonly Record<string, unknown>[] {
  return logs.split('\n').flatMap(line => (line.includes(`"msg":"${message}"`) ? [JSON.parse(line)] : []))
}

/** For the first two tests; the second one ends it. */
const redis = await startRedis(t)
const altgate = await startAltgate(t, { settings: { redis: { url: redis.url } } })

t.test('an outage of Redis and one of an upstream have an end in the log, with their length', async t => {
  const port = await freePort()
  const anna = ['anna@example.com', 'the password of anna'] as const
  await altgate.arrange({
    accounts: { contoso: `http://127.0.0.1:${port}` },
    passwords: { [anna[0]]: anna[1] },
  })
  const get = () => ask(`${altgate.url}/contoso/x`, { as: anna })
  t.equal((await get()).outcome, 'upstream-failed')
  t.equal((await get()).outcome, 'upstream-failed')
  const upstream = createServer((_, response) => response.end())
  await new Promise<void>(resolve => void upstream.listen(port, '127.0.0.1', resolve))
  t.teardown(() => upstream.closeAllConnections())
  t.teardown(() => upstream.close())
  t.equal((await get()).outcome, 'allow')
  await get()
  const recovered = () => linesOf(altgate.logs(), 'the upstream answers again')
  await until(() => recovered().length > 0)
  t.match(recovered(), [{ account: 'contoso', failures: 2, seconds: Number }])

  // A busy machine may have been late once before.
  const ofRedis = (message: string) => linesOf(altgate.logs(), message).filter(({ part }) => part === 'redis')
  const [silent, again] = ['a part does not answer', 'the part answers again'] as const
  await until(() => ofRedis(silent).length === ofRedis(again).length)
  const before = ofRedis(silent).length
  redis.pause()
  await until(() => ofRedis(silent).length > before)
  redis.resume()
  await until(() => ofRedis(again).length > before)
  t.match(ofRedis(again)[before], { part: 'redis', seconds: Number })
})

t.test(
  'start and end are in the log, with the version and what `altgate settings` calls these settings',
  async t => {
    const printed = await altgate.must(['settings'])
    const [, settings] = /^# fingerprint: ([0-9a-f]{12})\n/.exec(printed) ?? []
    t.ok(settings, printed.slice(0, 80))
    t.match(linesOf(altgate.logs(), 'starting'), [{ version: manifest.version, settings, pid: altgate.pid }])
    t.equal(await altgate.stop(), 0)
    const ends = linesOf(altgate.logs(), 'stopped')
    t.match(ends, [{ version: manifest.version, settings, because: 'SIGTERM', seconds: Number }])
    t.equal(altgate.logs().trimEnd().split('\n').at(-1)?.includes('"msg":"stopped"'), true, 'the last line')
  },
)

/** A command that says what `serve` or `check` makes of a gateway with these files. */
async function saying(t: Test, tls: { readonly certFile: string; readonly keyFile: string }) {
  const directory = temporaryDirectory(t)
  const config = join(directory, 'altgate.yaml')
  const listen = { host: '127.0.0.1', port: await freePort(), tls }
  const operations = { host: '127.0.0.1', port: await freePort() }
  const store = { url: `sqlite:${join(directory, 'altgate.db')}` }
  writeFileSync(config, JSON.stringify({ listen, operations, store, workers: 1, hashing: { lanes: 1 } }))
  return (word: 'serve' | 'check') => command([word, '--config', config], process.env)
}

t.test(
  'a TLS key that is missing, encrypted, or of another certificate: one sentence, exit code 78',
  async t => {
    const [one, other] = [temporaryDirectory(t), temporaryDirectory(t)]
    const [{ certFile, keyFile }, another] = [await makeCertificate(one), await makeCertificate(other)]
    const openssl = (...words: string[]) => execFileSync('openssl', words)
    const [pkcs8, old] = [join(one, 'pkcs8.pem'), join(one, 'old.pem')]
    openssl('pkey', '-in', keyFile, '-aes256', '-passout', 'pass:canary', '-out', pkcs8)
    openssl('ec', '-in', keyFile, '-aes256', '-passout', 'pass:canary', '-out', old)
    const der = join(one, 'key.der')
    openssl('pkey', '-in', keyFile, '-outform', 'DER', '-out', der)

    // Both read the files in the same way, and starting takes a third of a second: once for each sentence.
    const started = new Set<string>()
    for (const [keyFile, told] of [
      [join(one, 'none.pem'), 'cannot be read: there is no such file'],
      [one, 'cannot be read'],
      [pkcs8, 'is encrypted'],
      [old, 'is encrypted'],
      [another.keyFile, `is not the key of the certificate in ${certFile}`],
      [certFile, 'does not contain a private key'],
      [der, 'does not contain a private key'],
    ] as const) {
      const said = await saying(t, { certFile, keyFile })
      const sentence = `listen.tls.keyFile: ${keyFile} ${told}`
      const check = await said('check')
      t.equal(check.code, 1)
      t.match(check.stdout, sentence)
      if (started.has(told)) continue
      started.add(told)
      const serve = await said('serve')
      t.equal(serve.code, 78, told)
      const [first, second = '', ...rest] = serve.stderr.trimEnd().split('\n')
      t.equal(first, 'altgate: the settings are refused:')
      t.ok(second.startsWith(`  ${sentence}`), second)
      t.strictSame(rest, [])
      t.match(check.stdout, second.trim(), 'check says what serve says')
    }
    const { stderr } = await (await saying(t, { certFile: keyFile, keyFile }))('serve')
    t.match(stderr, `listen.tls.certFile: ${keyFile} does not contain a certificate in PEM`)
  },
)
