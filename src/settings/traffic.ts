import { z } from 'zod'
import { addressRange, autoOr, filePath, secret, whole } from './kinds.ts'

/** The connections to upstreams, and limits on the way there. */
export const forwarding = {
  upstream: z
    .strictObject({
      connectTimeoutSeconds: whole(1, 300)
        .default(5)
        .describe('How long connecting may take, including TLS.'),
      headersTimeoutSeconds: whole(1, 86_400)
        .default(1800)
        .describe(
          'How long an upstream may take to begin its answer. Team Explorer Everywhere waits for half an hour; a client that gives up earlier ends the request.',
        ),
      idleTimeoutSeconds: whole(1, 86_400)
        .default(1800)
        .describe('How long an answer in progress may pause.'),
      connectionsPerOrigin: whole(1, 65_535)
        .default(256)
        .describe('Connections of one process to one upstream.'),
      connectionsPerUser: autoOr(65_535)
        .default('auto')
        .describe(
          'How many of them one user may have at once, so that no single user blocks an upstream for all others. Up to 1000 further requests of that user wait; any more get 503 `busy`. `auto` is half of `connectionsPerOrigin`: with the defaults 128 in each worker process, which is more than a build user with many agents needs for clones, and the other half stays free for other users. Raise both if one of your users needs more.',
        ),
      keepAliveSeconds: whole(1, 600)
        .default(4)
        .describe(
          'How long an idle connection to an upstream is kept open. It must be shorter than the idle timeout of the upstream and of everything in between: a request on a connection that has just been closed is sent again only if it is a GET, HEAD or OPTIONS without a body. Many servers close after 5 seconds. A shorter `Keep-Alive: timeout` from the upstream is respected, less 2 seconds for latency.',
        ),
      maxHeaderBytes: whole(16_384, 1_048_576)
        .default(65_536)
        .describe(
          'Highest total size of the headers of an answer, and of all interim answers before it. A larger answer is a 502. Requests may have 32 KiB.',
        ),
      caFile: filePath()
        .exactOptional()
        .describe(
          'CA certificates in PEM that are trusted in addition to the well-known ones. Verification cannot be disabled.',
        ),
    })
    .prefault({})
    .describe('The connections to the upstreams.'),

  lfs: z
    .strictObject({
      actionSeconds: whole(60, 2_592_000)
        .default(86_400)
        .describe(
          'How long the gateway accepts the `Authorization` that an LFS server gives out for an upload or a download, if the server does not say (`expires_in`, `expires_at`). The server decides itself whether it is still valid there, so this may be long: it has to outlast the transfer.',
        ),
    })
    .prefault({})
    .describe('Large files (git-lfs), if an upstream directs clients to the gateway for them.'),

  refusedBodies: z
    .strictObject({
      maxBytes: whole(0, 2 ** 40)
        .default(2 ** 30)
        .describe(
          'Most bytes that are read of one body. The default is 1 GiB: NuGet sends a whole package before it is asked for a password, and feeds of Azure DevOps take 500 MB.',
        ),
      maxSeconds: whole(1, 3600).default(300).describe('How long one body is read at most.'),
      maxAtOncePerAddress: whole(0, 65_535)
        .default(16)
        .describe(
          'Most bodies that are read at once from one client address, or from one IPv6 network of `throttle.ipv6PrefixBits`. Team Explorer Everywhere has up to ten connections.',
        ),
      maxAtOnce: whole(0, 65_535).default(128).describe('Most bodies that each process reads at once.'),
    })
    .prefault({})
    .describe(
      'How much is read of the body of a request that is answered before its body is needed, because it is refused or the upstream answers early. Java, .NET and Team Explorer Everywhere send the whole body before they read the answer, and would otherwise show "Broken pipe". The answer is sent at once; a body that exceeds these limits is read for two more seconds or 1 MiB, then the connection is closed.',
    ),

  stop: z
    .strictObject({
      graceSeconds: whole(0, 3600)
        .default(30)
        .describe('How long requests in progress may take after SIGTERM before they are cut.'),
      drainSeconds: whole(0, 3600)
        .default(5)
        .describe(
          'How long after SIGTERM new connections are still accepted, while `/ready` answers 503 and every answer closes its connection: the time that load balancers need to notice. Part of `graceSeconds`. Ctrl-C skips it.',
        ),
    })
    .prefault({})
    .describe('Graceful shutdown.'),
}

/** How many connections callers may have, and how long these may stall. */
export const connections = z
  .strictObject({
    total: autoOr(1_000_000)
      .default('auto')
      .describe(
        'Most connections to one worker process. `auto` is derived from its limit of open files: 128 are kept for the store, Redis and itself, and each caller needs one to an upstream as well; 10000 at most. `altgate check` shows the result. When all are taken, idle ones are closed for new ones, first the oldest of the address that has most; then those whose request has not shown a right password and waits for its client.',
      ),
    perAddress: autoOr(1_000_000)
      .default('auto')
      .describe(
        'Most connections to one worker process from one address, or one IPv6 network (`throttle.ipv6PrefixBits`). `auto` is a quarter of `total`. Proxies in `trustedProxies` are not counted by address.',
      ),
    headSeconds: whole(1, 600)
      .default(60)
      .describe('How long the head of a request and the TLS handshake may take.'),
    progressSeconds: whole(1, 86_400)
      .default(60)
      .describe(
        'How long a request body, or a client that is reading an answer, may make no progress at all. Slow progress has no limit, but a form of the page has to arrive within this time.',
      ),
    idleSeconds: whole(1, 3600)
      .default(72)
      .describe(
        'How long a connection may wait for its next request. Make it longer than the idle timeout of proxies in front.',
      ),
  })
  .prefault({})
  .describe('The connections of callers, on the public port and the forward-auth port together.')

/** How many different wrong passwords within how long. */
function limit(guesses: number, windowSeconds: number, reason: string) {
  return z
    .strictObject({
      guesses: whole(1, 1_000_000)
        .default(guesses)
        .describe('Different wrong passwords that are checked within the window.'),
      windowSeconds: whole(1, 86_400)
        .default(windowSeconds)
        .describe('How long each wrong password counts after it was first presented.'),
    })
    .prefault({})
    .describe(reason)
}

function addresses() {
  return z.array(addressRange(), { error: 'must be a list of addresses' }).default([])
}

/** How often a caller may guess. */
export const throttle = z
  .strictObject({
    address: limit(
      300,
      600,
      'Wrong passwords from one client address. High, because a whole office or build farm may share one, and a password that is still being checked counts until it turns out right. Higher than `hashing.queueLimit`, so that a cold start does not look like an attack.',
    ),
    credential: limit(
      20,
      900,
      'Wrong passwords for one credential, by all its names, on all accounts and from all addresses together: some 2,000 a day, where even a poor password takes millions. An address from which the password was right in the last seven days is counted separately, so that guesses from elsewhere cannot lock out the owner.',
    ),
    everywhere: limit(
      1200,
      60,
      'Wrong passwords in total, from all addresses and for all user names: 20 per second, while one core computes about 25 hashes. Raise it with the number of cores.',
    ),
    repetition: z
      .strictObject({
        requests: whole(1, 1_000_000)
          .default(20)
          .describe('Requests that are answered with 401; further ones get 429.'),
        windowSeconds: whole(1, 86_400).default(60).describe('Begins with the first repetition.'),
      })
      .prefault({})
      .describe(
        'The same wrong password for one account from one address, over and over: a client in a loop, such as git-lfs with a credential helper that always gives the same answer. Each process counts separately.',
      ),
    anonymous: z
      .strictObject({
        requests: whole(1, 1_000_000)
          .default(1500)
          .describe(
            'Requests for one path of one account from one address. It limits how many clones a build farm behind one address can start at the same moment: every git process sends one request before it presents a credential.',
          ),
        requestsInAll: whole(1, 10_000_000)
          .default(3000)
          .describe(
            'Requests for all paths from one address, without those that are refused for their path.',
          ),
        windowSeconds: whole(1, 86_400).default(60).describe('Begins with the first of these requests.'),
      })
      .prefault({})
      .describe(
        'Requests without a credential, or with one that cannot be read, that are not followed by a right one: a client in a loop. A right credential from the same address resets the count, in total and for its path. The default is low enough that what gets through costs a tenth of a second of one core per minute. Each process counts separately.',
      ),
    ipv6PrefixBits: whole(16, 128)
      .default(64)
      .describe(
        'The prefix length by which IPv6 addresses count as one, because a customer has a whole network. Use 56 or 48 where providers assign more.',
      ),
    exempt: addresses().describe(
      'Addresses or ranges whose wrong passwords are not counted by address, such as build farms behind one address. They still count by user name and in total; requests without a credential still count by path.',
    ),
    loadTest: z
      .strictObject({
        addresses: addresses().describe('Addresses or ranges that load tests come from.'),
        secret: secret('must be text of at least 16 characters', /^[^\0]{16,}$/u)
          .exactOptional()
          .meta({
            writeOnly: true,
            description:
              'A request with this value in `X-Altgate-Load-Test` belongs to a load test, from any address. Such callers may guess a thousand times as often: protect it like a password, and remove it after the test.',
          }),
      })
      .prefault({})
      .describe(
        'Callers that belong to a load test. Their wrong passwords are counted separately, so they throttle no user; their hashes wait in half a queue of their own, behind all others; and their decisions are counted in `altgate_load_test_decisions_total`.',
      ),
  })
  .prefault({})
  .describe(
    'How many wrong passwords are checked before callers get 429. Each counts once, however often it is repeated. Right passwords do not count, and remembered ones are always accepted. With Redis there is one count for all gateways; without it each worker process counts separately, so `workers` times as many get through, but workers tell each other which callers have signed in.',
  )
