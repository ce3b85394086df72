import { lineFaults, type Fault } from './fault.ts'
import type { Needs } from './world.ts'

/** Its node of a Cluster is the one that matters most. */
const newsKey = 'altgate:announced:{news}'
const withRedis: Needs = { redis: true }

export const redisFaults: readonly Fault[] = [
  ...lineFaults('Redis', withRedis, ({ redis }) => redis?.line, {
    'does not answer': { kind: 'silent' },
    'refuses connections': { kind: 'refused' },
    'answers half a second late': { kind: 'slow', milliseconds: 500 },
    'sends a reply that was not asked for': { kind: 'surplus', bytes: '$-1\r\n' },
    'sends a push that was not asked for': { kind: 'surplus', bytes: '>3\r\n+message\r\n+x\r\n+y\r\n' },
    'loses bytes of its replies': { kind: 'lost', count: 3 },
    'sends bytes that are no protocol': { kind: 'rubbish' },
    'drops each connection after 200 bytes': { kind: 'cut', afterBytes: 200 },
  }),
  {
    part: 'Redis',
    name: 'is killed and comes back empty',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.stop(),
    mends: ({ redis }) => redis?.server.start(),
    short: true,
  },
  {
    part: 'Redis',
    name: 'hangs',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.pause(),
    mends: ({ redis }) => redis?.server.resume(),
    short: true,
  },
  {
    part: 'Redis',
    name: 'becomes a replica that takes no writes',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('REPLICAOF', '127.0.0.1', '1'),
    mends: ({ redis }) => redis?.server.command('REPLICAOF', 'NO', 'ONE'),
  },
  {
    part: 'Redis',
    name: 'is out of memory',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('CONFIG', 'SET', 'maxmemory', '1'),
    mends: ({ redis }) => redis?.server.command('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    part: 'Redis',
    name: 'is emptied',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('FLUSHALL'),
  },
  {
    part: 'Redis',
    name: 'forgets its scripts',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('SCRIPT', 'FLUSH'),
  },
  {
    part: 'Redis',
    name: 'pauses its clients',
    needs: withRedis,
    breaks: ({ redis }) => redis?.server.command('CLIENT', 'PAUSE', '1500', 'ALL'),
  },
  {
    part: 'Redis',
    name: 'fails over, asked for, by Sentinels',
    needs: { watched: true, postgres: true, gateways: 2 },
    breaks: ({ watched }) => watched?.failover('asked'),
  },
  {
    part: 'Redis',
    name: 'is killed, and Sentinels make its replica the primary',
    needs: { watched: true, postgres: true, gateways: 2 },
    breaks: ({ watched }) => watched?.failover('killed'),
    short: true,
  },
  {
    part: 'Redis',
    name: 'hangs, and Sentinels make its replica the primary',
    needs: { watched: true, postgres: true, gateways: 2 },
    breaks: ({ watched }) => watched?.failover('hung'),
  },
  {
    part: 'Redis',
    name: 'hands over a node of a Cluster to its replica',
    needs: { cluster: true, postgres: true, gateways: 2 },
    breaks: ({ cluster }) => cluster?.failover(newsKey, 'asked'),
  },
  {
    part: 'Redis',
    name: 'loses a node of a Cluster, and its replica takes over',
    needs: { cluster: true, postgres: true, gateways: 2 },
    breaks: ({ cluster }) => cluster?.failover(newsKey, 'killed'),
    short: true,
  },
  {
    part: 'Redis',
    name: 'moves a slot of a Cluster to another node',
    needs: { cluster: true, postgres: true, gateways: 2 },
    breaks: ({ cluster }) => cluster?.move(newsKey),
  },
]
