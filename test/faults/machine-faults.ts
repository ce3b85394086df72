import type { SettableClock } from '../support/settable-clock.ts'
import type { Fault } from './fault.ts'
import type { FaultWorld, Needs } from './world.ts'

/** Nothing of what the machine under a gateway does is a caller's business. */
const unnoticed = true
const hour = 3600
const withClock: Needs = { clock: '+0' }
const withPipe: Needs = { pipe: true }

export const clockFaults: readonly Fault[] = [
  jump('jumps forward by an hour, and back', hour),
  jump('jumps back by an hour, and forward', -hour),
  { ...jump('jumps forward by a day, and back', 24 * hour), short: true },
  jump('jumps back by a day, and forward', -24 * hour),
  began('five minutes behind', '-300'),
  began('five minutes ahead', '+300'),
]

export const diskFaults: readonly Fault[] = [
  full('under the log are full', { under: 'log' }),
  full('under the audit log are full, and its lines may be dropped', { under: 'audit', onFailure: 'drop' }),
  {
    ...full('under the audit log are full, and requests are refused without it', {
      under: 'audit',
      onFailure: 'refuse',
    }),
    unnoticed: false,
  },
  full('under the SQLite file are full', { under: 'store' }),
]

export const pipeFaults: readonly Fault[] = [
  {
    part: 'pipes',
    name: 'standard output is not read',
    needs: withPipe,
    breaks: ({ pipe }) => pipe?.pause(),
    mends: ({ pipe }) => pipe?.resume(),
    unnoticed,
  },
  {
    part: 'pipes',
    name: 'the reader of standard output goes away',
    needs: withPipe,
    breaks: ({ pipe }) => pipe?.leave(),
    mends: ({ pipe }) => pipe?.comeBack(),
    unnoticed,
  },
]

/** A password is set while the clock is wrong: what was forgotten before must not be remembered again. */
function jump(name: string, seconds: number): Fault {
  return {
    part: 'clock',
    name,
    needs: withClock,
    async breaks({ clock, gateways: [gateway] }) {
      clock?.set(`${seconds > 0 ? '+' : ''}${seconds}`)
      const set = ['credential', 'set', '--scope', 'msa', '--user', 'carol@example.com']
      await gateway.must(set, { stdin: 'the password of carol\n' })
    },
    mends: right,
    unnoticed,
  }
}

/** By two gateways that share a Redis, what one has found is believed by the other. */
function began(how: string, offset: string): Fault {
  return {
    part: 'clock',
    name: `of one of two gateways is ${how} when it begins, and is set right`,
    needs: { redis: true, postgres: true, gateways: 2, clock: offset },
    breaks: () => {},
    mends: right,
    unnoticed,
  }
}

function right({ clock }: { readonly clock?: SettableClock }): void {
  clock?.set('+0')
}

function full(name: string, disk: NonNullable<Needs['disk']>): Fault {
  return {
    part: 'disks',
    name,
    needs: { disk },
    breaks: ({ disk }: FaultWorld) => disk?.fill(),
    mends: ({ disk }: FaultWorld) => disk?.empty(),
    unnoticed,
  }
}
