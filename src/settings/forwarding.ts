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

  stop: z
    .strictObject({
      graceSeconds: whole(0, 3600)
        .default(30)
        .describe('How long requests under way may take after SIGTERM, before they are cut.'),
    })
    .prefault({})
    .describe('An orderly end.'),
}
