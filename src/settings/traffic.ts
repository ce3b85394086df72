import { z } from 'zod'
import { addressRange, autoOr, filePath, secret, whole } from './kinds.ts'

/** The way to the upstreams. */
export const forwarding = {
  upstream: z
    .strictObject({
      connectTimeoutSeconds: whole(1, 300).default(5).describe('How long connecting may take, TLS included.'),
      headersTimeoutSeconds: whole(1, 86_400)
        .default(1800)
        .describe(
          'How long an upstream may think before it answers. Team Explorer Everywhere waits for half an hour; whoever gives up sooner ends the request.',
        ),
      idleTimeoutSeconds: whole(1, 86_400).default(1800).describe('How long an answer under way may pause.'),
      connectionsPerOrigin: whole(1, 65_535)
        .default(256)
        .describe('Connections of one process to one upstream.'),
      connectionsPerUser: autoOr(65_535)
        .default('auto')
        .describe(
          'How many of them one user may have at once, so that no single user keeps an upstream from all others. Further requests of that user wait for the earlier ones, up to 1000 of them; the next are told 503 `busy`. `auto` is half of `connectionsPerOrigin`: with the defaults 128 in each worker process, which is more than a build user with many agents clones at once, and the other half stays for everybody else. Raise both if one user of yours does need more.',
        ),
      keepAliveSeconds: whole(1, 600)
        .default(4)
        .describe(
          'How long a connection to an upstream is kept without a request. It must be shorter than what the upstream and all that lies between allow: a request that meets the end of a connection is sent again only if it is a GET, HEAD or OPTIONS without a body. Many servers give up after 5 seconds. An upstream that announces less in `Keep-Alive: timeout` is believed, less 2 seconds for the way.',
        ),
      maxHeaderBytes: whole(16_384, 1_048_576)
        .default(65_536)
        .describe(
          'How long the names and values of all headers of an answer may be together; so may all interim answers before it. A longer one is a 502. Requests may have 32 KiB.',
        ),
      caFile: filePath()
        .exactOptional()
        .describe(
          'Certificates in PEM that are trusted besides the well-known ones. Verification cannot be switched off.',
        ),
    })
    .prefault({})
    .describe('The connections to the upstreams.'),

  lfs: z
    .strictObject({
      actionSeconds: whole(60, 2_592_000)
        .default(86_400)
        .describe(
          'How long the `Authorization` that an LFS server gives out for an upload or a download counts here, if the server does not say (`expires_in`, `expires_at`). Whether it still counts there is for the server to say, so this may be long: it has to outlast the transfer.',
        ),
    })
    .prefault({})
    .describe('Large files (git-lfs), where an upstream sends clients to the gateway for them.'),

  refusedBodies: z
    .strictObject({
      maxBytes: whole(0, 2 ** 40)
        .default(64 * 2 ** 20)
        .describe('Bytes that are read of one body. The default is 64 MiB.'),
      maxSeconds: whole(1, 3600).default(60).describe('How long one body is read.'),
      maxAtOncePerAddress: whole(0, 65_535)
        .default(16)
        .describe(
          'Bodies that are read at once from one client address, or from one IPv6 network of `throttle.ipv6PrefixBits`. Team Explorer Everywhere has up to ten connections.',
        ),
      maxAtOnce: whole(0, 65_535).default(128).describe('Bodies that each process reads at once.'),
    })
    .prefault({})
    .describe(
      'How much is read of bodies that come with requests that are answered before the body has been needed: refused, or answered early by the upstream. Java, .NET and Team Explorer Everywhere send all of a body before they read the answer, and would show "Broken pipe" in its place. The answer leaves at once; what exceeds these limits is read for two more seconds or 1 MiB, then the connection ends.',
    ),

  stop: z
    .strictObject({
      graceSeconds: whole(0, 3600)
        .default(30)
        .describe('How long requests under way may take after SIGTERM, before they are cut.'),
      drainSeconds: whole(0, 3600)
        .default(5)
        .describe(
          'How long after SIGTERM new connections are still taken, while `/ready` says 503 and every answer closes its connection: so long as load balancers need to notice. Part of `graceSeconds`. Ctrl-C does not wait for it.',
        ),
    })
    .prefault({})
    .describe('An orderly end.'),
}

/** How many connections callers may have, and how long these may stand still. */
export const connections = z
  .strictObject({
    total: autoOr(1_000_000)
      .default('auto')
      .describe(
        'Connections to one worker process. `auto` is what its limit of open files leaves when 128 are kept for the store, Redis and itself, and each caller has one to an upstream as well; 10000 at most. `altgate check` says how many. When all are taken, those that are idle give way to new ones, first the oldest of whoever has most; then those whose request has shown no right password and waits for its client.',
      ),
    perAddress: autoOr(1_000_000)
      .default('auto')
      .describe(
        'Connections to one worker process from one address, or one IPv6 network (`throttle.ipv6PrefixBits`). `auto` is a quarter of `total`. Proxies in `trustedProxies` are not counted by address.',
      ),
    headSeconds: whole(1, 600)
      .default(60)
      .describe('How long the head of a request may take, and the handshake of TLS.'),
    progressSeconds: whole(1, 86_400)
      .default(60)
      .describe(
        'How long a body that is awaited, or a client that has an answer to read, may make no progress at all. A slow one goes on as long as it likes; a form of the page has to arrive within this time.',
      ),
    idleSeconds: whole(1, 3600)
      .default(72)
      .describe('How long a connection may wait for its next request. Longer than proxies keep theirs.'),
  })
  .prefault({})
  .describe('The connections of callers, on the public port and the forward-auth port together.')

/** How many different wrong passwords within how long. */
function limit(guesses: number, windowSeconds: number, reason: string) {
  return z
    .strictObject({
      guesses: whole(1, 1_000_000)
        .default(guesses)
        .describe('Different wrong passwords that are looked at within the window.'),
      windowSeconds: whole(1, 86_400)
        .default(windowSeconds)
        .describe('Each wrong password counts for so long after it was first presented.'),
    })
    .prefault({})
    .describe(reason)
}

function addresses() {
  return z.array(addressRange(), { error: 'must be a list of addresses' }).default([])
}

/** How often somebody may guess. */
export const throttle = z
  .strictObject({
    address: limit(
      300,
      600,
      'Wrong passwords from one client address. High, because a whole office or a build farm may come from one, and a password that has yet to be checked counts until it turns out right: more than `hashing.queueLimit`, so that a cold start does not look like an attack.',
    ),
    credential: limit(
      20,
      900,
      'Wrong passwords for one credential, by all its names, on all accounts and from all addresses together: some 2,000 a day, where even a poor password takes millions. An address from which the password was right in the last seven days counts by itself: strangers who guess cannot lock out the owner.',
    ),
    everywhere: limit(
      1200,
      60,
      'Wrong passwords in all, from whatever addresses for whatever names: 20 a second, where one core hashes about 25. Raise it with the number of cores.',
    ),
    repetition: z
      .strictObject({
        requests: whole(1, 1_000_000)
          .default(20)
          .describe('Requests that are told that the password is wrong; the next are told to come later.'),
        windowSeconds: whole(1, 86_400).default(60).describe('Begins with the first repetition.'),
      })
      .prefault({})
      .describe(
        'One and the same wrong password on one account from one address, again and again: a client in a loop, such as git-lfs with a helper that always gives the same answer. Each process counts for itself.',
      ),
    anonymous: z
      .strictObject({
        requests: whole(1, 1_000_000)
          .default(1500)
          .describe(
            'Requests for one path of one account from one address. As many as clones that a build farm behind one address may begin at the same moment: every git process asks once before it presents anything.',
          ),
        requestsInAll: whole(1, 10_000_000)
          .default(3000)
          .describe('Requests for all paths from one address, less those that are refused for their path.'),
        windowSeconds: whole(1, 86_400).default(60).describe('Begins with the first of these requests.'),
      })
      .prefault({})
      .describe(
        'Requests that present no credential, or none that can be read, and are not followed by a right one: a client in a loop. A right credential from the same address begins the count anew, in all and for its path. Low enough that what gets through costs a tenth of a second of one core in a minute. Each process counts for itself.',
      ),
    ipv6PrefixBits: whole(16, 128)
      .default(64)
      .describe(
        'So many bits of an IPv6 address count as one address: a customer has a whole network. 56 or 48 where providers give more.',
      ),
    exempt: addresses().describe(
      'Addresses or ranges whose wrong passwords do not count by address, such as build farms behind one address. They count by user name and everywhere; requests without a credential by path.',
    ),
    loadTest: z
      .strictObject({
        addresses: addresses().describe('Where load tests come from: addresses or ranges.'),
        secret: secret('must be text of at least 16 characters', /^[^\0]{16,}$/u)
          .exactOptional()
          .meta({
            writeOnly: true,
            description:
              'Whoever sends it as `X-Altgate-Load-Test` is a load test, from any address. Such callers may guess a thousand times as often: keep it as you keep a password, and take it out after the test.',
          }),
      })
      .prefault({})
      .describe(
        'Callers that are a load test. Their wrong passwords count in a book of their own, so nobody is banned; their hashes wait in half a queue of their own, behind everybody else; and their decisions are counted as `altgate_load_test_decisions_total`.',
      ),
  })
  .prefault({})
  .describe(
    'How many wrong passwords are looked at before callers are told to come later (429). Each counts once, however often it is repeated; what is right does not count, and whoever is remembered gets in. Redis makes it one count for all; without Redis each worker process counts for itself, so `workers` times as many get through; whom one of them let in is no stranger to the others.',
  )
