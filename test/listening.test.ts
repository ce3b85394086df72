import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { asOneOfMany } from '../src/listening.ts'
import { run, succeeded } from './support/run.ts'

t.test('thousands of connections may wait for a worker', async t => {
  const server = createServer()
  t.teardown(() => server.close())
  server.listen(asOneOfMany({ host: '127.0.0.1', port: 0 }))
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const shown = succeeded('ss', await run('ss', ['-ltnH', `sport = :${port}`]))
  const [, , most] = shown.trim().split(/\s+/)
  const mostOfLinux = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'))
  t.equal(Number(most), Math.min(4096, mostOfLinux))
})
