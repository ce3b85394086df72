import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startGitUpstream } from '../../src/demo/git-upstream.ts'
import type { Account } from '../../src/gateway/account.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// git shows no text of an answer to POST, and erases the password on 401: a user who pushes while the account moves would
// be asked for a password and never learn why.

/** An account that moves as soon as one look-up has found it where it was. */
async function anAccountAboutToMove(t: Test) {
  const repositories = temporaryDirectory(t)
  const upstream = await startGitUpstream({ directory: repositories, host: '127.0.0.1', port: 0 })
  t.teardown(() => upstream.close())
  const before: Account = { name: 'fabrikam' as AccountName, connection: msa, upstream: upstream.url }
  const after: Account = {
    ...before,
    connection: entra('Contoso'),
    former: { connection: msa, leftAt: Date.UTC(2026, 10, 20) },
  }
  let asked = 0
  let movesAfter = Number.POSITIVE_INFINITY
  const world = aWorld({
    credentials: [anna],
    directory: { find: () => (asked++ < movesAfter ? before : after) },
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  await lab.must(['init', '--quiet', '--bare', join(repositories, 'fabrikam/r.git')])
  const remote = `${server.url}/fabrikam/r.git`
  return { lab, remote, world, server, moveAfterNext: () => (movesAfter = asked + 1) }
}

t.test(
  'an account that moves between the two requests of a push fails it with 503, and the next command says why',
  async t => {
    const { lab, remote, world, moveAfterNext } = await anAccountAboutToMove(t)
    await lab.must(['clone', '--quiet', remote, 'r'])
    const cwd = join(lab.directory, 'r')
    await lab.must(['commit', '--quiet', '--allow-empty', '-m', 'one'], { cwd })
    lab.forget()
    moveAfterNext()

    const push = await lab.git(['push', 'origin', 'HEAD:main'], { cwd })
    t.not(push.code, 0)
    t.match(push.stderr, 'HTTP 503')
    t.equal(lab.helperActions(), 'get store', 'the password is not erased without a word')
    t.equal(world.seen.at(-1)?.decision.outcome, 'reset-needed', 'and nothing was let through')

    lab.forget()
    const next = await lab.git(['fetch'], { cwd })
    t.equal(next.code, 128)
    t.match(next.stderr, 'remote: Reset needed: the account "fabrikam" has moved.')
    t.equal(lab.helperActions(), 'get erase')
  },
)

t.test('only "reset needed" is deferred, and only for the POST requests of git', async t => {
  const { server, moveAfterNext } = await anAccountAboutToMove(t)
  const ask = async (path: string, method: string, password: string = anna.password) => {
    const authorization = basic({ username: anna.username, password })
    const answer = await fetch(`${server.url}/fabrikam/r.git/${path}`, { method, headers: { authorization } })
    await answer.text()
    return answer
  }
  moveAfterNext()
  await ask('x', 'GET')
  for (const service of ['git-receive-pack', 'git-upload-pack']) {
    const answer = await ask(service, 'POST')
    t.equal(answer.status, 503, service)
    t.equal(answer.headers.get('x-altgate-outcome'), 'unavailable')
    t.equal(answer.headers.get('retry-after'), '1')
    t.equal(answer.headers.get('www-authenticate'), null)
  }
  for (const [path, method, password] of [
    ['git-receive-pack', 'POST', 'wrong'],
    ['info/refs?service=git-receive-pack', 'GET', anna.password],
    ['git-receive-pack', 'GET', anna.password],
    ['info/lfs/objects/batch', 'POST', anna.password],
  ] as const)
    t.equal((await ask(path, method, password)).status, 401, `${method} ${path}`)
})
