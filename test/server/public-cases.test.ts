import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bareServer } from '../support/bare-server.ts'
import { runningDoor } from '../support/forward-auth-port.ts'
import { anna, basic, type RunningServer, runningServer } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { aWorld, msa, type World } from '../support/world.ts'
import type { PublicCase } from './public-cases/case.ts'

/**
 * Runs every file of `public-cases` but `case.ts`: each exports `cases`, a table of public reports. A case goes through
 * the public port, and where it says so through the forward-auth port as well.
 */
const usualUrl = 'https://git.example.com'
const folder = join(import.meta.dirname, 'public-cases')

for (const file of readdirSync(folder)
  .filter(name => name !== 'case.ts')
  .sort()) {
  const { cases } = (await import(join(folder, file))) as { cases: readonly PublicCase[] } // the shape of these files
  for (const each of cases) t.test(`${each.name} (${each.reported})`, t => play(t, each))
}

/** A gateway with its doors. */
interface Rig {
  readonly world: World
  readonly server: RunningServer
  readonly door: () => Promise<number>
  /** For the next case: an upstream of its own, and a time at which nothing is remembered of the requests before. */
  turnTo(upstream: string): void
}

const rigs = new Map<string, Promise<Rig>>()

/** One gateway serves all cases that need the same settings: to make one takes longer than a case. */
function rigOf({ httpsOnly, naming, publicUrl = usualUrl, trustedProxies = [] }: PublicCase) {
  const key = JSON.stringify([httpsOnly, naming, publicUrl, trustedProxies])
  const rig = rigs.get(key) ?? make()
  rigs.set(key, rig)
  return rig

  async function make(): Promise<Rig> {
    let upstream = ''
    let now = Date.now()
    const world = aWorld({
      directory: {
        find: name => (name === 'fabrikam' ? { name, connection: msa, upstream } : undefined),
      },
      credentials: [anna],
      httpsOnly: httpsOnly === true,
      ...(naming && { naming }),
      now: () => now,
    })
    let door: ReturnType<typeof runningDoor> | undefined
    return {
      world,
      server: await runningServer(t, { upstream, world, publicUrl, trustedProxies }),
      door: async () => (await (door ??= runningDoor(t, world, { publicUrl }))).port,
      turnTo(next) {
        upstream = next
        now += 30 * 86_400_000
      },
    }
  }
}

async function play(t: Test, each: PublicCase): Promise<void> {
  const upstream = await scriptedUpstream(t, each.upstream)
  const rig = await rigOf(each)
  rig.turnTo(upstream.url + (each.upstreamPath ?? ''))
  const { world, server } = rig
  const [decided, bugs] = [world.seen.length, server.bugs.length]
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
  t.strictSame(server.bugs.slice(bugs), [])
  const told = /^X-Altgate-Outcome: (.+)\r$/m.exec(answer)?.[1]
  const written = world.seen.slice(decided).at(-1)?.decision.outcome
  // An upstream fails after the decision, and so does a body that has no end.
  if (written !== undefined && told !== 'upstream-failed' && !answer.includes('it is not valid HTTP'))
    t.equal(written, told ?? 'allow', 'the answer matches the audit log')
  if (each.forwardAuth !== undefined) t.equal(await askDoor(await rig.door(), each, bytes), each.forwardAuth)
}

/** Sends the same request as nginx would to the forward-auth port; returns the status. */
async function askDoor(port: number, { publicUrl = usualUrl }: PublicCase, bytes: string): Promise<number> {
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
  const connection = await rawConnection(port)
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
