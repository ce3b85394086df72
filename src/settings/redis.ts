import { z } from 'zod'
import { filePath, host, secret, text, whole } from './kinds.ts'

const hosts = z
  .array(text('must be host:port', /^(?:\[[\da-f:.]+\]|[\w.-]+):\d{1,5}$/iu), {
    error: 'must be a list of host:port',
  })
  .min(1, { error: 'must name one host:port at least' })

const password = () => secret('must be text', /^[^\0]+$/u)

const tls = z
  .boolean({ error: 'must be true or false' })
  .default(false)
  .describe('Whether every connection uses TLS. `caFile` and `serverName` say what is trusted.')

/** Where Redis is: one address, what Sentinels watch, or a Cluster. */
export const redis = z
  .strictObject({
    url: secret('must be redis://host:port or rediss://host:port', /^rediss?:\/\/[^\0]+$/u)
      .exactOptional()
      .meta({
        writeOnly: true,
        description:
          'Address of one Redis, or one that a failover moves to another server; `rediss:` with TLS. May hold a user and a password: give it as a reference then.',
      }),
    sentinel: z
      .strictObject({
        name: text().describe('What the Sentinels call the primary, such as `mymaster`.'),
        hosts: hosts.describe(
          'The Sentinels, each as host:port. All of them: most of those that answer are believed.',
        ),
        tls,
        user: text().exactOptional().describe('User of Redis (ACL).'),
        password: password()
          .exactOptional()
          .meta({ writeOnly: true, description: 'Password of Redis. Give it as a reference.' }),
        sentinelUser: text().exactOptional().describe('User of the Sentinels, if they ask for one.'),
        sentinelPassword: password()
          .exactOptional()
          .meta({ writeOnly: true, description: 'Password of the Sentinels. Give it as a reference.' }),
      })
      .exactOptional()
      .describe('A primary with replicas that Sentinels watch. Instead of `url`.'),
    cluster: z
      .strictObject({
        hosts: hosts.describe('Some nodes of the Cluster, each as host:port; they name the others.'),
        tls,
        user: text().exactOptional().describe('User of Redis (ACL).'),
        password: password()
          .exactOptional()
          .meta({ writeOnly: true, description: 'Password of Redis. Give it as a reference.' }),
      })
      .exactOptional()
      .describe('A Redis Cluster. Instead of `url`.'),
    caFile: filePath()
      .exactOptional()
      .describe(
        'Certificates in PEM that are trusted instead of the well-known ones, for all TLS of `redis`.',
      ),
    serverName: host()
      .exactOptional()
      .describe(
        'The name that certificates must be for. Left out: the host that is connected to, which is an IP address where servers name each other by it.',
      ),
    leaseMs: whole(100, 60_000)
      .default(1000)
      .describe(
        'How long a process may trust its memory without news from Redis. A change waits at most this long for a process that hangs.',
      ),
  })
  .refine(({ url, sentinel, cluster }) => [url, sentinel, cluster].filter(Boolean).length === 1, {
    error: 'must have exactly one of url, sentinel and cluster',
  })
  .exactOptional()
  .describe(
    'Shares verdicts and news between machines: one of `url`, `sentinel` and `cluster`. Leave it out on a single machine. It never holds a password or a hash.',
  )
