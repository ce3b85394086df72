import { z } from 'zod'
import { addressRange, secret, whole } from './kinds.ts'

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
