import t from 'tap'
import { play } from './play.ts'

for (const way of ['SIGUSR1', 'SIGHUP'] as const)
  t.test(`logrotate with ${way}: no request fails, and no line is lost`, async t => {
    const played = await play(t, way, { seconds: 3, rate: 150, everyMs: 500 })
    t.match(played, { failures: {}, missing: 0, twice: 0, torn: 0 })
    t.strictSame(played.failures, {})
    t.ok(played.files > 2, `${played.files} files`)
  })

t.test(
  'logrotate with copytruncate: no request fails, and no line is torn or written where it was cut',
  async t => {
    const played = await play(t, 'copytruncate', { seconds: 3, rate: 150, everyMs: 500 })
    t.match(played, { twice: 0, torn: 0 })
    t.strictSame(played.failures, {})
    // What is written between its copy and its cut is lost, whatever a program does: see logrotate(8).
    // On a busy machine it may be kept waiting between the two.
    t.ok(played.missing < played.requests / 2, `${played.missing} of ${played.requests}`)
  },
)
