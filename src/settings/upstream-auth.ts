import { z } from 'zod'
import { readAccountName } from '../gateway/names.ts'
import { followedSecret, text, whole, word } from './kinds.ts'
import { issuer } from './sign-in.ts'

/** What can stand in a header as it is; nobody makes tokens of anything else. */
const headerSafe = /^[\x21-\x7e]+$/

const methods = z.discriminatedUnion(
  'method',
  [
    z.strictObject({
      method: z
        .literal('identity-headers')
        .describe(
          "How the upstream learns who it is. `identity-headers`: `X-Forwarded-User` and its kin, which it must believe from the gateway alone. `strip`: nothing is said. `swapped-credential`: a credential of the gateway. `entra-service-principal`: a token of the gateway from Microsoft Entra ID. `signed-assertion`: a short-lived JWT about the user. `pass-through`: the user's own password. docs/operating.md compares them.",
        ),
    }),
    z.strictObject({ method: z.literal('strip') }),
    z.strictObject({
      method: z.literal('swapped-credential'),
      scheme: word('basic', 'bearer')
        .default('basic')
        .describe(
          'Only with `swapped-credential`: how it is sent. `basic` for personal access tokens, `bearer` for OAuth tokens.',
        ),
      user: z
        .string({ error: 'must be text' })
        .regex(/^[\x20-\x39\x3b-\x7e]*$/, { error: 'must be printable ASCII without a colon' })
        .default('')
        .describe(
          'Only with `swapped-credential` and `basic`: the user name. Azure DevOps takes any with a personal access token, none too.',
        ),
      credential: followedSecret('must be one line of printable ASCII without blanks', headerSafe).meta({
        writeOnly: true,
        followed: true,
        description:
          'Only with `swapped-credential`: the personal access token or password. Give it as `{ file: PATH }`: the file is read again when it changes, without a restart.',
      }),
    }),
    z.strictObject({
      method: z.literal('entra-service-principal'),
      issuer: issuer().describe(
        'Only with `entra-service-principal`: the OpenID Connect issuer that knows the service principal, `https://login.microsoftonline.com/DIRECTORY-ID/v2.0`.',
      ),
      clientId: text('must be the client id of the service principal').describe(
        'Only with `entra-service-principal`: its client id.',
      ),
      clientSecret: followedSecret('must be one line of printable ASCII without blanks', headerSafe).meta({
        writeOnly: true,
        followed: true,
        description:
          'Only with `entra-service-principal`: its client secret. `{ file: PATH }` is read again when the file changes.',
      }),
      scope: text('must be a scope that ends with /.default', /^\S+$/u)
        .default('499b84ac-1321-427f-aa17-267ca6975798/.default')
        .describe('Only with `entra-service-principal`: what the token is for. The default is Azure DevOps.'),
    }),
    z.strictObject({
      method: z.literal('signed-assertion'),
      algorithm: word('ES256', 'EdDSA')
        .default('ES256')
        .describe(
          'Only with `signed-assertion`: how it is signed. `ES256` is understood everywhere; `EdDSA` (Ed25519) not by .NET.',
        ),
      keyDays: whole(1, 90)
        .default(7)
        .describe(
          'Only with `signed-assertion`: for how many days a key signs. It is published as long before, and as long after.',
        ),
    }),
    z.strictObject({ method: z.literal('pass-through') }),
  ],
  {
    error:
      'must be "identity-headers", "strip", "swapped-credential", "entra-service-principal", "signed-assertion" or "pass-through"',
  },
)

const account = z
  .string()
  .refine(name => readAccountName(name) !== undefined)
  .transform(name => name.toLowerCase())

/** How the upstreams learn who it is. */
export const upstreamAuth = {
  standard: methods
    .prefault({ method: 'identity-headers' })
    .describe("How the upstreams learn who it is. The client's own password never travels on by default."),

  byAccount: z
    .record(
      account,
      methods.describe(
        'One account: `upstreamAuthByAccount: { fabrikam: { method: swapped-credential, credential: { file: /run/secrets/fabrikam } } }`.',
      ),
      { error: issue => (issue.code === 'invalid_key' ? 'must be the name of an account' : undefined) },
    )
    .default({})
    .describe(
      'Accounts that are not served as `upstreamAuth` says, by name; each with all that its method needs.',
    ),
}
