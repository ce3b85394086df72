import { unthrottled } from '../unthrottled.ts'
import type { Figure } from '../figure.ts'
import { startGateway } from '../gateway.ts'
import { anna } from '../people.ts'
import { cpuOf } from '../process-tree.ts'
import { inRounds } from '../rounds.ts'
import { answersOf } from '../server.ts'
import { spreadOf } from '../spread.ts'
import { startUpstream } from '../upstream.ts'
import { load } from '../wrk.ts'

/** What it costs to refuse guesses of passwords that check themselves. */
export const forged: Figure = {
  name: 'forged',
  title: 'Guesses of generated passwords, refused',
  programs: ['nginx', 'wrk'],
  async run(stage) {
    const { rounds, seconds } = stage.quick ? { rounds: 1, seconds: 1 } : { rounds: 7, seconds: 6 }
    const gateway = await startGateway(stage, { upstream: await startUpstream(stage), settings: unthrottled })
    const answers = [await answersOf(gateway)]
    const guess = async (duration: number) => {
      const attack = { url: gateway.url, connections: 32, seconds: duration }
      const loaded = await load(stage, { ...attack, script: 'forged', args: [anna.user] })
      if (loaded.refused !== loaded.requests) throw new Error('a guess was not refused')
      return loaded
    }
    await guess(stage.quick ? 1 : 4)

    const hashed = await gateway.hashes()
    const measured = await inRounds(stage, rounds, [gateway], async () => {
      const before = cpuOf(gateway.pid)
      const { requests, seconds: passed } = await guess(seconds)
      return { perCore: requests / (cpuOf(gateway.pid) - before), perSecond: requests / passed }
    })
    const found = measured.get(gateway) ?? []
    const perCore = spreadOf(found.map(each => each.perCore))
    const hashes = (await gateway.hashes()) - hashed
    return {
      answers,
      rows: [
        { what: 'refused per second of CPU', unit: 'a second', value: perCore },
        {
          what: 'refused, both ends on this machine',
          unit: 'a second',
          value: spreadOf(found.map(each => each.perSecond)),
        },
      ],
      goals: [
        {
          what: 'refused per second and core',
          unit: 'a second',
          value: perCore.median,
          bound: 'at least',
          limit: 10_000,
        },
        { what: 'password hashes meanwhile', unit: '', value: hashes, bound: 'at most', limit: 0 },
      ],
      plot: {
        kind: 'bars',
        title: 'Guesses of generated passwords refused, per second of one core',
        subtitle:
          'agp_ and 28 random characters, for a user name that exists; none of them costs a password hash',
        unit: 'a second',
        bars: [{ label: 'Altgate', value: perCore }],
        goal: { label: 'goal: at least 10,000', value: 10_000 },
      },
    }
  },
}
