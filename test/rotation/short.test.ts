import t from 'tap'
import { play } from './play.ts'

// All of them at one gateway: each says what became of its own requests.
const [bySigusr1, bySighup, byCopy] = await play(t, ['SIGUSR1', 'SIGHUP', 'copytruncate'], {
  seconds: 3,
  rate: 100,
  everyMs: 500,
})

for (const [way, played] of [
  ['SIGUSR1', bySigusr1],
  ['SIGHUP', bySighup],
] as const)
  t.test(`logrotate with ${way}: no request fails, and no line is lost`, async t => {
    t.match(played, { failures: {}, missing: 0, twice: 0, torn: 0 })
    t.strictSame(played?.failures, {})
    t.ok(played && played.files > 2, `${played?.files} files`)
  })

t.test(
  'logrotate with copytruncate: no request fails, and no line is torn or written where it was cut',
  async t => {
    t.match(byCopy, { twice: 0, torn: 0 })
    t.strictSame(byCopy?.failures, {})
    // What is written between its copy and its cut is lost, whatever a program does: see logrotate(8).
    // On a busy machine it may be kept waiting between the two.
    t.ok(byCopy && byCopy.missing < byCopy.requests / 2, `${byCopy?.missing} of ${byCopy?.requests}`)
  },
)
