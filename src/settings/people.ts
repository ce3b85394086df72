import { z } from 'zod'
import { loopbackHost } from '../common/addresses.ts'
import { guid, microsoftAccountsTenant, readAccountName } from '../gateway/names.ts'
import { followedSecret, secret, text, whole, word } from './kinds.ts'

/** The authority of personal accounts: every directory has a number, and this one stands for "none". */
const microsoftAccounts = `https://login.microsoftonline.com/${microsoftAccountsTenant}/v2.0`

/** Plain http is for trials on one machine: codes and tokens would be readable on their way. */
const issuerPattern = new RegExp(
  `^(?:https:\\/\\/[^\\s\\\\@?#]+|http:\\/\\/(?:${loopbackHost.source})(?::\\d+)?(?:\\/[^\\s\\\\@?#]*)?)$`,
  'i',
)

/** The issuer of an identity provider. */
function issuer() {
  return text(
    'must be an https address without user, query and fragment (http only on this machine)',
    issuerPattern,
  )
}

/** What the identity provider calls the gateway, and how the gateway proves that it is the one. */
const client = {
  clientId: text('must be the client id that the identity provider gave').describe(
    'Client id of the gateway, as its app registration says. Its redirect address is `publicUrl` and `/_altgate/callback`.',
  ),
  clientSecret: secret('must be the client secret that the identity provider gave', /^[^\0\r\n]+$/u).meta({
    writeOnly: true,
    description: 'Client secret of the gateway. Give it as a reference.',
  }),
}

const directoryId = z
  .string()
  .regex(new RegExp(guid.source, 'i'))
  .transform(id => id.toLowerCase())

/** Where people prove who they are before they change their credentials on the page. */
export const signIn = z
  .strictObject({
    msa: z
      .strictObject({
        issuer: issuer()
          .default(microsoftAccounts)
          .describe('OpenID Connect issuer where Microsoft accounts sign in.'),
        ...client,
      })
      .exactOptional()
      .describe('For accounts that sign in with Microsoft accounts.'),
    directories: z
      .record(
        directoryId,
        z
          .strictObject({
            issuer: issuer()
              .exactOptional()
              .describe(
                'OpenID Connect issuer of this directory. Left out: the one that `altgate directory add --issuer` gave, else that of Microsoft Entra ID.',
              ),
            ...client,
          })
          .describe(
            'One directory: `signIn: { directories: { "72f988bf-86f1-41af-91ab-2d7cd011db47": { clientId: ... } } }`.',
          ),
        { error: issue => (issue.code === 'invalid_key' ? 'must be the id of a directory' : undefined) },
      )
      .default({})
      .describe('Directories with an app registration of their own, by directory id.'),
    entra: z
      .strictObject(client)
      .exactOptional()
      .describe('One app registration (multi-tenant) for all directories that are not named above.'),
    freshMinutes: whole(1, 1440)
      .default(15)
      .describe(
        'How old a sign-in may be when something is changed. After that the page asks for another. Entra ID says how old it is if the app registration adds the optional claim `auth_time` to its id tokens; else it begins when the person comes back.',
      ),
    sessionMinutes: whole(1, 1440).default(60).describe('How long the page shows anything after a sign-in.'),
  })
  .prefault({})
  .describe(
    'Where people sign in to set their credentials on the page, by OpenID Connect. Without it the page sends them to the operator.',
  )

/** Who is told of changes that people make. */
export const notice = z
  .strictObject({
    webhookUrl: secret('must be an http or https address', /^https?:\/\/[^\s\\/][^\s\\]*$/iu).meta({
      writeOnly: true,
      description:
        'Gets a POST with JSON after each change on the page: scope, user name, what, when; and when another person has come under an owner’s user name (`credential-contested`). Never a password. A failure is logged and holds nothing up. Some addresses are keys themselves: give those as a reference.',
    }),
    secret: secret('must be text of at least 16 characters', /^[^\0]{16,}$/u)
      .exactOptional()
      .meta({
        writeOnly: true,
        description:
          'Key of the signature: `X-Altgate-Signature: sha256=...`, HMAC-SHA256 over the body in hexadecimal.',
      }),
  })
  .exactOptional()
  .describe('Who is told of changes that people make on the page, for instance to send them a mail.')

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
