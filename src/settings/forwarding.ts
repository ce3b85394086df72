import { z } from 'zod'
import { filePath, whole } from './kinds.ts'

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
