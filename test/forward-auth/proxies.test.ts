import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type Answer, answerTo, asUnavailable } from '../../src/answers/answer.ts'
import { createCarriedAnswers, nginx } from '../../src/forward-auth/proxies.ts'
import { moved, named, resetNeeded, table } from '../support/endings.ts'
import { doorKey, runningDoor } from '../support/forward-auth-port.ts'
import { aWorld } from '../support/world.ts'

/** What nginx's `auth_request` accepts as a decision. Anything else becomes a 500. */
const understood = [401, 403]

/** As another gateway of the same store would seal them. */
const carried = createCarriedAnswers({ key: doorKey, now: Date.now })
const door = await runningDoor(t, aWorld())
const context = {
  requestId: '0123456789abcdef01234567',
  publicUrl: 'https://git.example.com',
  naming: { by: 'path' },
} as const
const dialects: Readonly<Record<string, string>> = {
  text: '/fabrikam/r.git/info/refs',
  soap: '/fabrikam/x.asmx',
  rest: '/fabrikam/_apis/x',
}

/** What nginx gets for a refusal. */
async function toldNginx(answer: Answer): Promise<Response> {
  const server = createServer((_, response) => nginx(carried).refuse(response, answer)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listening on TCP
  const told = await fetch(`http://127.0.0.1:${port}/`)
  server.close()
  server.closeAllConnections()
  return told
}

/** What the client gets when nginx brings the carried answer back. */
async function fetched(carried: string): Promise<Answer> {
  const got = await fetch(`${door.url}/nginx/answer`, { headers: { 'X-Altgate-Answer': carried } })
  return { status: got.status, headers: Object.fromEntries(got.headers), body: await got.text() }
}

async function travels(t: Test, answer: Answer): Promise<void> {
  const told = await toldNginx(answer)
  t.equal(told.status, answer.status === 401 ? 401 : 403)
  t.ok(understood.includes(told.status))
  t.equal(await told.text(), '', 'a body would cost nginx the connection')
  for (const name of ['X-Altgate-Outcome', 'X-Request-Id', 'Retry-After', 'WWW-Authenticate'])
    t.equal(told.headers.get(name) ?? undefined, answer.headers[name], name)

  const carriedText = told.headers.get('X-Altgate-Answer') ?? ''
  t.ok(carriedText.length < 8 * 1024, 'nginx reads 32k of head, and there is more in it')
  const { status, headers, body } = await fetched(carriedText)
  t.equal(status, answer.status)
  t.equal(body, answer.body)
  for (const [name, value] of Object.entries(answer.headers))
    t.equal(headers[name.toLowerCase()], value, name)
}

for (const [status, ending] of table) {
  t.test(`${named(ending)} reaches the client as ${status} through nginx, in every dialect`, async t => {
    for (const target of Object.values(dialects))
      await travels(t, answerTo({ target, rawHeaders: [] }, ending, context))
  })
}

t.test('a move in the middle of a push is not a 401 behind nginx either', async t => {
  const answer = asUnavailable(
    answerTo({ target: '/fabrikam/x', rawHeaders: [] }, resetNeeded(moved()), context),
  )
  await travels(t, answer)
  t.equal((await toldNginx(answer)).status, 403)
})
