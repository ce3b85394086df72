import { z } from 'zod'
import { autoOr, filePath, host, secret, siteUrl, text, whole, word } from './kinds.ts'

/** What is kept: the store, Redis, verdicts, logs. */
export const keeping = {
  store: z
    .strictObject({
      url: secret(
        'must be "sqlite:" and a path, or postgres://user@host/database',
        /^(?:sqlite:(?!\/\/)[^\0]+|postgres(?:ql)?:\/\/[^\0]+)$/u,
      )
        .prefault('sqlite:./data/altgate.db')
        .meta({
          writeOnly: true,
          description:
            'Accounts, directories and credentials. `sqlite:` and a path: one machine. `postgres://user@host/database`: several. May hold a password: give it as a reference then.',
        }),
      leaseMs: whole(500, 10_000)
        .default(3000)
        .describe(
          'PostgreSQL without Redis: how long a process may trust its memory when the store cannot be asked; then it answers 503. A change waits at most this long for a process that is cut off.',
        ),
    })
    .prefault({})
    .describe('Where accounts and credentials are kept.'),

  verdicts: z
    .strictObject({
      matchTtlSeconds: whole(1, 86_400)
        .default(300)
        .describe('How long a right password is remembered. A change ends it at once, whatever this says.'),
      otherTtlSeconds: whole(1, 3600)
        .default(30)
        .describe('How long a wrong one is remembered: it spares a hash when a tool repeats itself.'),
      matchEntries: whole(1, 10_000_000)
        .default(100_000)
        .describe('Right passwords remembered by one process; about 500 bytes each.'),
      otherEntries: whole(1, 10_000_000)
        .default(20_000)
        .describe(
          'Wrong ones remembered by one process; in a pool of their own, so that guessing pushes nobody out.',
        ),
    })
    .prefault({})
    .describe(
      'What is remembered of password checks, so that only the first request of a tool costs a hash.',
    ),

  log: z
    .strictObject({
      level: word('fatal', 'error', 'warn', 'info', 'debug', 'trace')
        .default('info')
        .describe('How much is logged. `info` has one line for each decision.'),
      file: filePath()
        .exactOptional()
        .describe(
          'Where the log goes. Left out: standard output. A file that was moved or removed is made anew within a second.',
        ),
      bufferKiB: whole(16, 1_048_576)
        .default(1024)
        .describe(
          'Lines of one process that wait while they cannot be written, in the log and in the audit log each. What is more is lost, and counted as `altgate_log_lines_dropped_total`.',
        ),
    })
    .prefault({})
    .describe('The log: JSON, one object in each line. It never holds a password.'),

  audit: z
    .strictObject({
      file: filePath().exactOptional().describe('Where audit lines go. Left out: into the log.'),
      onFailure: word('drop', 'refuse')
        .default('drop')
        .describe(
          'What becomes of requests while audit lines cannot be written, because a disk is full or the reader of a pipe is slow. `drop`: requests go on, `log.bufferKiB` of lines are kept for later, the rest is lost and counted. `refuse`: requests get 503 until lines can be written again.',
        ),
    })
    .prefault({})
    .describe('One line for each decision and each change: who, what, when and why.'),

  demo: z
    .strictObject({
      upstreamPort: whole(0, 65_535)
        .default(8081)
        .describe(
          'Port of the demo upstream on 127.0.0.1. 0 takes any free one, which suits a store that is used once: the accounts keep the port.',
        ),
      upstreamUrl: siteUrl()
        .exactOptional()
        .describe('A demo upstream that runs already, in a container of its own: none is started then.'),
      identityPort: whole(0, 65_535)
        .exactOptional()
        .describe(
          'Port on 127.0.0.1 of an OpenID provider that plays Microsoft accounts and Entra directories, for `signIn` to name. Left out: there is none.',
        ),
      dataDirectory: filePath().default('./data/demo').describe('Where the demo repository is kept.'),
    })
    .exactOptional()
    .describe(
      'Starts a demo upstream, a real git repository, and makes demo accounts with well-known passwords. An empty group is enough. Never in production.',
    ),
}

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

/** The least argon2id that OWASP's Password Storage Cheat Sheet calls safe: memory in KiB, passes. */
const leastCosts = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9216, 4],
  [7168, 5],
] as const

const leastCost = `must cost at least one of ${leastCosts.map(([memory, passes]) => `${memory}/${passes}`).join(', ')} (memoryKiB/passes, the OWASP minimum)`

/** What a password hash costs us, and an attacker who has stolen the store. */
export const hashing = z
  .strictObject({
    memoryKiB: whole(7168, 1_048_576)
      .default(19_456)
      .describe('Memory of one hash (argon2id `m`). Times `lanes`, it must fit into the machine.'),
    passes: whole(1, 100).default(2).describe('Passes over that memory (argon2id `t`).'),
    parallelism: whole(1, 16)
      .default(1)
      .describe('Threads of one hash (argon2id `p`). More than 1 is seldom worth it.'),
    lanes: autoOr(64)
      .default('auto')
      .describe(
        'Processes that hash, at a lower priority than the ones that serve. `auto` is one for each core.',
      ),
    queueLimit: whole(1, 100_000)
      .default(200)
      .describe(
        'Hashes that may wait. Above it callers are told to come again (503) instead of waiting in vain.',
      ),
  })
  .refine(({ memoryKiB, passes }) => leastCosts.some(([m, t]) => memoryKiB >= m && passes >= t), {
    error: leastCost,
  })
  .prefault({})
  .describe(
    'argon2id, for new passwords. When the cost is raised, each credential is renewed at its next use. Needs at least 47104/1, 19456/2, 12288/3, 9216/4 or 7168/5 (memoryKiB/passes), the OWASP minimum.',
  )
