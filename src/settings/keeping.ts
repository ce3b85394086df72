import { z } from 'zod'
import { filePath, secret, siteUrl, whole, word } from './kinds.ts'

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
