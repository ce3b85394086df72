import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bareServer } from '../support/bare-server.ts'
import { runningDoor } from '../support/forward-auth-port.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { aWorld } from '../support/world.ts'
import type { PublicCase } from './public-cases/case.ts'

/**
 * Runs every file of `public-cases` but `case.ts`: each exports `cases`, a table of public reports. A case goes through
 * the public port, and where it says so through the forward-auth port as well.
 */
const folder = join(import.meta.dirname, 'public-cases')

for (const file of readdirSync(folder)
  .filter(name => name !== 'case.ts')
  .sort()) {
  const { cases } = (await import(join(folder, file))) as { cases: readonly PublicCase[] } // the shape of these files
  for (const each of cases) t.test(`${each.name} (${each.reported})`, t => play(t, each))
}

async function play(t: Test, each: PublicCase): Promise<void> {
  const upstream = await scriptedUpstream(t, each.upstream)
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: upstream.url + (each.upstreamPath ?? '') }],
    credentials: [anna],
    ...(each.httpsOnly && { httpsOnly: true }),
    ...(each.naming && { naming: each.naming }),
  })
  const { publicUrl = 'https://git.example.com', trustedProxies = [] } = each
  const server = await runningServer(t, { upstream: upstream.url, world, publicUrl, trustedProxies })
  const bytes = each.request
    .replaceAll('{auth}', `Authorization: ${basic()}`)
    .replaceAll('{close}', 'Connection: close')
    .replaceAll('\n', '\r\n')

  const connection = await rawConnection(server.port)
  connection.send(bytes)
  let answer = ''
  if (each.request.includes('{close}')) answer = await connection.closed()
  // Its head may come before its body.
  else for (const expected of each.answer) answer = await connection.until(expected)
  connection.socket.destroy()
  for (const expected of each.answer) t.match(answer, expected)
  if (each.never !== undefined) t.notMatch(answer, each.never)
  t.equal(upstream.requests() > 0, each.upstream !== undefined, 'the upstream is asked if it should be')
  for (const expected of each.forwarded ?? []) t.match(upstream.received(), expected)
  if (each.notForwarded !== undefined) t.notMatch(upstream.received(), each.notForwarded)
  t.strictSame(server.bugs, [])
  const told = /^X-Altgate-Outcome: (.+)\r$/m.exec(answer)?.[1]
  const written = world.seen.at(-1)?.decision.outcome
  // An upstream fails after the decision, and so does a body that has no end.
  if (written !== undefined && told !== 'upstream-failed' && !answer.includes('it is not valid HTTP'))
    t.equal(written, told ?? 'allow', 'the answer matches the audit log')
  if (each.forwardAuth !== undefined) t.equal(await askDoor(t, each, world, bytes), each.forwardAuth)
}

/** Sends the same request as nginx would to the forward-auth port; returns the status. */
async function askDoor(
  t: Test,
  { publicUrl = 'https://git.example.com' }: PublicCase,
  world: ReturnType<typeof aWorld>,
  bytes: string,
): Promise<number> {
  const door = await runningDoor(t, world, { publicUrl })
  const [line = '', ...lines] = bytes.split('\r\n\r\n', 1)[0]?.split('\r\n') ?? []
  const [method = '', target = ''] = line.split(' ')
  const head = [
    'GET /nginx HTTP/1.1',
    `X-Original-Method: ${method}`,
    `X-Original-URI: ${target}`,
    'X-Forwarded-For: 192.0.2.7',
    `X-Forwarded-Proto: ${new URL(publicUrl).protocol.slice(0, -1)}`,
    ...lines.filter(
      each => !/^(?:x-forwarded-(?:for|proto)|content-length|transfer-encoding|connection):/i.test(each),
    ),
    'Connection: close',
  ]
  const connection = await rawConnection(door.port)
  connection.send(`${head.join('\r\n')}\r\n\r\n`)
  const answer = await connection.closed()
  return Number(answer.slice(9, 12))
}

/** Says `answer` to each request head that comes, then closes if the answer has no length of its own. */
async function scriptedUpstream(t: Test, answer = '') {
  let received = ''
  let requests = 0
  const { url } = await bareServer(t, socket => {
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      head = ''
      requests++
      socket.write(answer.replaceAll('{upstream}', url), 'latin1')
      if (
        !/^(?:content-length:|transfer-encoding:.*chunked)/im.test(answer) &&
        !/^HTTP\/1\.1 [23]04/.test(answer)
      )
        socket.end()
    })
  })
  return { url, received: () => received, requests: () => requests }
}
