import { query } from '../support/postgres.ts'
import { lineFaults, type Fault } from './fault.ts'
import type { FaultWorld, Needs } from './world.ts'

const withPostgres: Needs = { postgres: true }
const withBoth: Needs = { redis: true, postgres: true }

export const postgresFaults: readonly Fault[] = [
  {
    part: 'PostgreSQL',
    name: 'is killed, and its standby becomes the primary',
    needs: { redis: true, pair: true, gateways: 2 },
    breaks: ({ pair }) => pair?.first.stop('immediate'),
    mends: ({ pair }) => pair?.second.promote(),
    short: true,
  },
  {
    part: 'PostgreSQL',
    name: 'is killed, and its standby becomes the primary, and there is no Redis',
    needs: { pair: true, gateways: 2 },
    breaks: ({ pair }) => pair?.first.stop('immediate'),
    mends: ({ pair }) => pair?.second.promote(),
  },
  ...lineFaults('PostgreSQL', withPostgres, ({ postgres }) => postgres?.line, {
    'does not answer, and there is no Redis': { kind: 'silent' },
    'refuses connections, and there is no Redis': { kind: 'refused' },
    'answers 300 milliseconds late, and there is no Redis': { kind: 'slow', milliseconds: 300 },
    'sends a message that was not asked for': { kind: 'surplus', bytes: 'C\0\0\0\x0dSELECT 1\0' },
    'loses bytes of its answers': { kind: 'lost', count: 3 },
    'sends bytes that are no protocol': { kind: 'rubbish' },
  }),
  ...lineFaults('PostgreSQL', withBoth, ({ postgres }) => postgres?.line, {
    'does not answer, beside a Redis that does': { kind: 'silent' },
    'refuses connections, beside a Redis that does not': { kind: 'refused' },
  }),
  {
    part: 'PostgreSQL',
    name: 'crashes and starts again',
    needs: withBoth,
    breaks: ({ postgres }) => postgres?.server.crash(),
    mends: ({ postgres }) => postgres?.server.start(),
    short: true,
  },
  {
    part: 'PostgreSQL',
    name: 'is shut down and started again',
    needs: withPostgres,
    breaks: ({ postgres }) => postgres?.server.stop(),
    mends: ({ postgres }) => postgres?.server.start(),
  },
  {
    part: 'PostgreSQL',
    name: 'ends every session',
    needs: withPostgres,
    breaks: ({ postgres }) =>
      sql(postgres, 'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()'),
  },
]

function sql(postgres: FaultWorld['postgres'], statement: string): Promise<void> {
  if (postgres === undefined) throw new Error('this fault needs PostgreSQL')
  return query(postgres.url, statement)
}
