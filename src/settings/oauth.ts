import { z } from 'zod'
import { text, whole } from './kinds.ts'

/** Where a client may be sent back to: this machine, an https address, or a scheme of its own (RFC 8252, 7). */
const redirectPattern =
  /^(?:http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?|https:\/\/[^\s\\@?#]+|[a-z][a-z0-9+-]*\.[a-z0-9.+-]+:)(?:\/[^\s\\?#]*)?$/

const client = z.strictObject({
  id: text(
    'must be 1 to 64 letters, digits, dots, hyphens or underscores',
    /^[A-Za-z0-9._-]{1,64}$/u,
  ).describe('The `client_id` that the helper sends. It is public, so it proves nothing.'),
  name: text('must be text of up to 60 characters', /^[^\p{C}]{1,60}$/u).describe(
    'What the page calls it when it asks the user.',
  ),
  redirectUris: z
    .array(
      text(
        'must be http on this machine, an https address, or a scheme with a dot in it, without a query',
        redirectPattern,
      ),
      { error: 'must be a list of addresses' },
    )
    .default([])
    .describe(
      'Where the browser may be sent back to, as the helper sends it. The port of an address on this machine may differ. Default: only this machine, without a path.',
    ),
})

/** The authorization server that gives credential helpers a password of their own. */
export const oauth = z
  .strictObject({
    enabled: z
      .boolean({ error: 'must be true or false' })
      .default(true)
      .describe(
        'Whether credential helpers can get a password of their own by OAuth 2.0. It is on because nothing is given out before a user has signed in on the page and has agreed, and what is given out is a named password that ends and can be revoked on the page. Without `signIn`, no user can agree.',
      ),
    deviceCodes: z
      .boolean({ error: 'must be true or false' })
      .default(true)
      .describe(
        'Whether helpers on machines without a browser can ask for a code that the user enters on another device (RFC 8628). Turn it off if users could be talked into entering a code that an attacker sent them.',
      ),
    passwordLifeDays: whole(1, 3650)
      .default(90)
      .describe(
        'After how many days a password that was given out ends, unless `passwords.maxLifeDays` is less. Helpers renew it without the user.',
      ),
    signInLifeDays: whole(1, 3650)
      .default(365)
      .describe(
        'For how many days after its last use a helper can renew its password. After that the user has to agree again.',
      ),
    graceMinutes: whole(0, 1440)
      .default(15)
      .describe(
        'How many minutes the previous password stays valid after a renewal, so that transfers under way are not refused.',
      ),
    clients: z
      .array(client, { error: 'must be a list of clients' })
      .default([])
      .describe(
        'Helpers in addition to `git-credential-manager`, `git-credential-oauth` and `altgate`: `oauth: { clients: [{ id: build-tool, name: Build tool }] }`. All are public clients and must use PKCE.',
      ),
  })
  .prefault({})
  .describe(
    'OAuth 2.0 for credential helpers, at `/_altgate/oauth/`. docs/credential-helpers.md has the settings of the helpers.',
  )
