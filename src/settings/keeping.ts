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
            'Accounts, directories and credentials. `sqlite:` and a path: one machine. `postgres://user@host/database`: several. If it contains a password, give it as a reference.',
        }),
      leaseMs: whole(500, 10_000)
        .default(3000)
        .describe(
          'PostgreSQL without Redis: how long a process may trust its memory while the store is unreachable; after that it answers 503. A change waits at most this long for a process that is cut off.',
        ),
    })
    .prefault({})
    .describe('Where accounts and credentials are kept.'),

  secrets: z
    .strictObject({
      sealingKeys: z
        .array(
          z.strictObject({
            id: text('must be up to 64 letters, digits, - and _', /^[\w-]{1,64}$/u).describe(
              'Name of the key: it stands in front of what the key has sealed. Never reuse one.',
            ),
            key: secret(
              'must be 32 bytes, as base64 or in hexadecimal: openssl rand -base64 32',
              /^(?:[0-9A-Fa-f]{64}|[0-9A-Za-z+/_-]{43}=?)$/u,
            ).meta({ writeOnly: true, description: 'The key. Give it as a reference.' }),
          }),
          { error: 'must be a list of keys, each { id, key }' },
        )
        .refine(keys => new Set(keys.map(({ id }) => id)).size === keys.length, {
          error: 'must not have two keys with the same id',
        })
        .default([])
        .describe(
          'Keys that seal what sign-ins give (AES-256-GCM): `[{ id: k1, key: { file: /run/secrets/sealing-key } }]`. The first one seals, all of them open. To replace a key, add the new one in all gateways, then move it to the front, run `altgate keys rotate`, and remove the old one. Without its key, users have to sign in again; nothing else is lost.',
        ),
    })
    .prefault({})
    .describe('Keys that are not in the store: the store alone, or a backup of it, opens nothing.'),

  refusals: z
    .strictObject({
      keepDays: whole(1, 365)
        .default(7)
        .describe('Days for which a refusal can be found by its reference: `altgate explain --reference`.'),
    })
    .prefault({})
    .describe(
      'What clients were refused is kept in the store, without passwords and unknown user names, at most 200,000 of them and 100 for each second and worker.',
    ),

  toolUses: z
    .strictObject({
      keepDays: whole(0, 400)
        .default(30)
        .describe(
          'Days after its last request for which it is known who uses a tool: `altgate inventory`, `altgate move rehearse`. 0: nothing is recorded, and what was recorded is removed.',
        ),
    })
    .prefault({})
    .describe(
      'Who uses which tool: allowed requests, counted in the store by account, user, password, product of the user agent, address (IPv6: network) and repository or kind of path. At most 200,000 rows, and 200 for each user and account. Nothing is recorded about unknown user names and refused requests.',
    ),

  verdicts: z
    .strictObject({
      matchTtlSeconds: whole(1, 86_400)
        .default(300)
        .describe(
          'How long a right password is remembered. A change of the credential or the account ends this at once.',
        ),
      otherTtlSeconds: whole(1, 3600)
        .default(30)
        .describe('How long a wrong password is remembered, which saves a hash when a tool repeats it.'),
      matchEntries: whole(1, 10_000_000)
        .default(100_000)
        .describe('Right passwords that one process remembers; about 500 bytes each.'),
      otherEntries: whole(1, 10_000_000)
        .default(20_000)
        .describe(
          'Wrong passwords that one process remembers, in a pool of their own, so that guesses do not displace right ones.',
        ),
    })
    .prefault({})
    .describe(
      'The results of password checks that are remembered, so that only the first request of a tool costs a hash.',
    ),

  log: z
    .strictObject({
      level: word('fatal', 'error', 'warn', 'info', 'debug', 'trace')
        .default('info')
        .describe('How much is logged. `info` has one line for each decision.'),
      file: filePath()
        .exactOptional()
        .describe(
          'Where the log goes. Default: standard output. A file that was moved or removed is created again within a second.',
        ),
      bufferKiB: whole(16, 1_048_576)
        .default(1024)
        .describe(
          'How much one process holds while lines cannot be written, for the log and for the audit log each. Further lines are lost and counted in `altgate_log_lines_dropped_total`.',
        ),
    })
    .prefault({})
    .describe('The log: one JSON object per line. It never contains a password.'),

  audit: z
    .strictObject({
      file: filePath().exactOptional().describe('Where audit lines go. Default: into the log.'),
      syslog: z
        .strictObject({
          url: text(
            'must be udp://host:port, tcp://host:port or tls://host:port',
            /^(?:udp|tcp|tls):\/\/(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/iu,
          ).describe(
            'Where the receiver is: `tls://logs.example.com:6514`, `tcp://logs.example.com:601` or `udp://127.0.0.1:514`. TCP and TLS count octets (RFC 6587, RFC 5425).',
          ),
          caFile: filePath()
            .exactOptional()
            .describe('CA certificates in PEM that are trusted instead of the well-known ones, for `tls:`.'),
          facility: word(
            'user',
            'daemon',
            'auth',
            'authpriv',
            'local0',
            'local1',
            'local2',
            'local3',
            'local4',
            'local5',
            'local6',
            'local7',
          )
            .default('authpriv')
            .describe('The facility of the messages.'),
        })
        .exactOptional()
        .describe(
          'A syslog receiver for audit lines, as messages of RFC 5424 whose text is the JSON line. Instead of `file`.',
        ),
      onFailure: word('drop', 'refuse')
        .default('drop')
        .describe(
          'What happens to requests while audit lines cannot be written, because a disk is full, the reader of a pipe is slow or the syslog receiver does not answer. `drop`: requests continue, `log.bufferKiB` of lines are held back, and further lines are lost and counted. `refuse`: requests get 503 until lines can be written again.',
        ),
    })
    .refine(({ file, syslog }) => file === undefined || syslog === undefined, {
      error: 'must have at most one of file and syslog',
    })
    .prefault({})
    .describe('One line for each decision and each change: who, what, when and why.'),

  demo: z
    .strictObject({
      upstreamPort: whole(0, 65_535)
        .default(8081)
        .describe(
          'Port of the demo upstream on 127.0.0.1. 0 takes any free port; use it only with a new store, because the accounts keep the port.',
        ),
      upstreamUrl: siteUrl()
        .exactOptional()
        .describe(
          'Address of a demo upstream that is already running, for instance in a container. None is started then.',
        ),
      identityPort: whole(0, 65_535)
        .exactOptional()
        .describe(
          'Port on 127.0.0.1 of an OpenID provider that plays Microsoft accounts and Entra directories, for use in `signIn`. Default: none.',
        ),
      dataDirectory: filePath().default('./data/demo').describe('Where the demo repository is kept.'),
    })
    .exactOptional()
    .describe(
      'Starts a demo upstream, a real git repository, and creates demo accounts with well-known passwords. An empty group is enough. Never use it in production.',
    ),
}

const hosts = z
  .array(text('must be host:port', /^(?:\[[\da-f:.]+\]|[\w.-]+):\d{1,5}$/iu), {
    error: 'must be a list of host:port',
  })
  .min(1, { error: 'must name at least one host:port' })

const password = () => secret('must be text', /^[^\0]+$/u)

const tls = z
  .boolean({ error: 'must be true or false' })
  .default(false)
  .describe('Whether every connection uses TLS. `caFile` and `serverName` set what is trusted.')

/** Where Redis is: one address, a primary watched by Sentinels, or a Cluster. */
export const redis = z
  .strictObject({
    url: secret('must be redis://host:port or rediss://host:port', /^rediss?:\/\/[^\0]+$/u)
      .exactOptional()
      .meta({
        writeOnly: true,
        description:
          'Address of one Redis server, or an address that a failover moves to another server; `rediss:` for TLS. If it contains a password, give it as a reference.',
      }),
    sentinel: z
      .strictObject({
        name: text().describe('The name of the primary at the Sentinels, such as `mymaster`.'),
        hosts: hosts.describe('All Sentinels, each as host:port. The majority of those that answer decides.'),
        tls,
        user: text().exactOptional().describe('User of Redis (ACL).'),
        password: password()
          .exactOptional()
          .meta({ writeOnly: true, description: 'Password of Redis. Give it as a reference.' }),
        sentinelUser: text().exactOptional().describe('User of the Sentinels, if they require one.'),
        sentinelPassword: password()
          .exactOptional()
          .meta({ writeOnly: true, description: 'Password of the Sentinels. Give it as a reference.' }),
      })
      .exactOptional()
      .describe('A primary with replicas that Sentinels watch. Instead of `url`.'),
    cluster: z
      .strictObject({
        hosts: hosts.describe('Some nodes of the Cluster, each as host:port; the others are discovered.'),
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
        'CA certificates in PEM that are trusted instead of the well-known ones, for all TLS connections of `redis`.',
      ),
    serverName: host()
      .exactOptional()
      .describe(
        'The host name that certificates must have. Default: the host of the connection, which is an IP address where servers announce each other by address.',
      ),
    leaseMs: whole(100, 60_000)
      .default(1000)
      .describe(
        'How long a process may trust its memory without a message from Redis. A change waits at most this long for a process that hangs.',
      ),
  })
  .refine(({ url, sentinel, cluster }) => [url, sentinel, cluster].filter(Boolean).length === 1, {
    error: 'must have exactly one of url, sentinel and cluster',
  })
  .exactOptional()
  .describe(
    'Shares verdicts and changes between machines: one of `url`, `sentinel` and `cluster`. Leave it out on a single machine. Redis never stores a password or a hash.',
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
      .describe('Memory of one hash (argon2id `m`). The machine needs this much for each of the `lanes`.'),
    passes: whole(1, 100).default(2).describe('Passes over that memory (argon2id `t`).'),
    parallelism: whole(1, 16)
      .default(1)
      .describe('Threads of one hash (argon2id `p`). More than 1 is rarely worth it.'),
    lanes: autoOr(64)
      .default('auto')
      .describe(
        'Processes that compute hashes, at a lower priority than those that serve requests. `auto` is one per core.',
      ),
    queueLimit: whole(1, 100_000)
      .default(200)
      .describe(
        'Hashes that may wait. When the queue is full, callers get 503 and `Retry-After` instead of a long wait.',
      ),
  })
  .refine(({ memoryKiB, passes }) => leastCosts.some(([m, t]) => memoryKiB >= m && passes >= t), {
    error: leastCost,
  })
  .prefault({})
  .describe(
    'argon2id, for new passwords. When the cost is raised, each hash is renewed at its next use. Needs at least 47104/1, 19456/2, 12288/3, 9216/4 or 7168/5 (memoryKiB/passes), the OWASP minimum.',
  )
