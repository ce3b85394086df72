import { join } from 'node:path'
import t from 'tap'
import { anna } from '../support/public-server.ts'
import { run } from '../support/run.ts'
import * as faults from './faults.ts'
import { setTheStage, type Setting } from './setting.ts'

const program = join(import.meta.dirname, 'libgit2.py')

/** Debian's own Python has libgit2; another one that comes first on the PATH does not. */
function cloneBy({ lab, remote }: Setting, password: string) {
  const words = [program, remote, join(lab.directory, 'clone'), anna.username, password]
  return run('/usr/bin/python3', words, { env: lab.env })
}

t.test('libgit2 clones', async t => {
  const setting = await setTheStage(t)
  const { lab, upstream, world } = setting
  const { code, stdout, stderr } = await cloneBy(setting, anna.password)
  t.equal(code, 0, stderr)
  t.equal(stdout, await lab.must(['-C', upstream.repository, 'rev-parse', 'HEAD']))
  t.equal(world.outcomes(), 'challenge allow allow')
})

t.test('libgit2 with a wrong password gives up after fifteen, and all of them cost one hash', async t => {
  const setting = await setTheStage(t)
  const { world, upstream } = setting
  const { code, stderr } = await cloneBy(setting, 'wrong')
  t.equal(code, 1)
  t.match(stderr, 'GitError: too many redirects or authentication replays\n')
  t.match(world.outcomes(), /^challenge(?: refused){1,15}$/)
  t.equal(world.hashes(), 1)
  t.strictSame(upstream.requests, [])
})

for (const [what, fault, status] of [
  ['asks for a password', faults.asksForAPassword, 502],
  ['shows a page', faults.showsAPage(200), 502],
  ['redirects to another origin', faults.redirectsToAnotherOrigin, 502],
  ['is in maintenance', faults.isInMaintenance, 503],
] as const) {
  t.test(`an upstream that ${what} ends libgit2's command at once, with the status`, async t => {
    const setting = await setTheStage(t)
    const { upstream } = setting
    upstream.fail(fault)
    const { code, stderr } = await cloneBy(setting, anna.password)
    t.equal(code, 1)
    t.equal(stderr, `GitError: unexpected http status code: ${status}\n`)
    t.equal(upstream.requests.length, 1)
  })
}
