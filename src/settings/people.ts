import { z } from 'zod'
import { loopbackHost } from '../common/addresses.ts'
import { headerSafe, headerSafeDemand } from '../common/given-text.ts'
import { foldUsername, guid, microsoftAccountsTenant, readAccountName } from '../gateway/names.ts'
import { followedSecret, secret, text, whole, word } from './kinds.ts'

/** The authority of personal accounts: its tenant id stands for "no directory". */
const microsoftAccounts = `https://login.microsoftonline.com/${microsoftAccountsTenant}/v2.0`

/** Plain http is for trials on one machine: anywhere else it would expose codes and tokens in transit. */
const issuerPattern = new RegExp(
  `^(?:https:\\/\\/[^\\s\\\\@?#]+|http:\\/\\/(?:${loopbackHost.source})(?::\\d+)?(?:\\/[^\\s\\\\@?#]*)?)$`,
  'i',
)

/** The issuer of an identity provider. */
function issuer() {
  return text(
    'must be an https address without a user, query or fragment (http only on this machine)',
    issuerPattern,
  )
}

/** The client registration of the gateway at the identity provider. */
const client = {
  clientId: text('must be the client id from the identity provider').describe(
    'Client id of the app registration of the gateway. Its redirect URI is `publicUrl` followed by `/_altgate/callback`.',
  ),
  clientSecret: secret('must be the client secret from the identity provider', /^[^\0\r\n]+$/u).meta({
    writeOnly: true,
    description: 'Client secret of the gateway. Give it as a reference.',
  }),
}

/** A primary user name, as the store has it. */
const username = z
  .string({ error: 'must be a user name' })
  .regex(/^[^\s:\p{Cc}]{1,320}$/u, {
    error: 'must be a user name: up to 320 characters, no space and no colon',
  })
  .transform((name): string => foldUsername(name))

const liveness = z
  .strictObject({
    everySeconds: whole(1, 2_592_000).describe(
      'Seconds after which a user is checked again. A renewal for a request is a check as well.',
    ),
    unwatchedDays: whole(1, 3650)
      .exactOptional()
      .describe(
        'Days after which the credential of a user is switched off who cannot be checked, because there is no sign-in to ask with: the user never signed in since `liveness` is set, has disconnected, or never claimed a credential that a command set. They count from the last sign-in on the page, or from when the credential was set or switched on. Default: such a credential stays on, although its user may have left. `altgate check` says how many would be switched off.',
      ),
    unwatchedUsers: z
      .array(username, { error: 'must be a list of user names' })
      .exactOptional()
      .describe('Primary user names that `unwatchedDays` spares, such as those of builds.'),
  })
  .exactOptional()
  .describe(
    "Asks the identity provider, with what a user's sign-in on the page gave, whether the user is still active. A user that it refuses loses the sign-in, and the credential of that scope is switched off; an outage switches nothing off. Needs `secrets.sealingKeys`. Users who have not signed in since this is set are not checked; see `unwatchedDays`.",
  )

const continuousAccess = z
  .boolean({ error: 'must be true or false' })
  .exactOptional()
  .describe(
    'Only with `delegated`: whether requests for tokens declare that claims challenges are understood (the client capability `cp1`). Default: true where the issuer is Microsoft Entra ID. With it, Entra ID may give tokens that live for up to 28 hours and that an upstream with continuous access evaluation rejects as soon as the user is disabled or revoked; the gateway still asks for a new token at least every 90 minutes.',
  )

const directoryId = z
  .string()
  .regex(new RegExp(guid.source, 'i'))
  .transform(id => id.toLowerCase())

/** Where users sign in before they change their credentials on the page. */
export const signIn = z
  .strictObject({
    msa: z
      .strictObject({
        issuer: issuer().default(microsoftAccounts).describe('OpenID Connect issuer for Microsoft accounts.'),
        ...client,
        liveness,
        continuousAccess,
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
                'OpenID Connect issuer of this directory. Default: the one from `altgate directory add --issuer`, else that of Microsoft Entra ID.',
              ),
            ...client,
            liveness,
            continuousAccess,
          })
          .describe(
            'One directory: `signIn: { directories: { "72f988bf-86f1-41af-91ab-2d7cd011db47": { clientId: ... } } }`.',
          ),
        { error: issue => (issue.code === 'invalid_key' ? 'must be the id of a directory' : undefined) },
      )
      .default({})
      .describe('Directories with an app registration of their own, by directory id.'),
    entra: z
      .strictObject({ ...client, liveness, continuousAccess })
      .exactOptional()
      .describe('One multi-tenant app registration for all directories that are not listed above.'),
    freshMinutes: whole(1, 1440)
      .default(15)
      .describe(
        'How recent a sign-in must be for a change; otherwise the page asks for a new one. Entra ID tells its age if the app registration adds the optional claim `auth_time` to id tokens; otherwise it counts from the return to the page.',
      ),
    sessionMinutes: whole(1, 1440)
      .default(60)
      .describe('How long a session on the page lasts after a sign-in.'),
  })
  .prefault({})
  .describe(
    'Where users sign in, by OpenID Connect, to set their credentials on the page. Without it, the page refers them to the operator.',
  )

/** Where changes by users are reported. */
export const notice = z
  .strictObject({
    webhookUrl: secret('must be an http or https address', /^https?:\/\/[^\s\\/][^\s\\]*$/iu).meta({
      writeOnly: true,
      description:
        'Receives a POST with JSON after each change on the page: scope, user name, what, when; when another person signs in with an owner’s user name (`credential-contested`); when a sign-in connects a user for `delegated` or `liveness` (`credential-connected`), and when that ends (`credential-disconnected`, `credential-sign-in-ended`); and when `liveness` switches a credential off (`credential-disabled-by-liveness`). And 14, 7 and 1 days before a generated password with a name ends (`credential-password-ending`), and when it has ended (`credential-password-ended`). Never a password. A failure is logged and delays nothing. If the address itself is a secret, give it as a reference.',
    }),
    secret: secret('must be text of at least 16 characters', /^[^\0]{16,}$/u)
      .exactOptional()
      .meta({
        writeOnly: true,
        description:
          'Key of the signature in `X-Altgate-Signature: sha256=...`: HMAC-SHA256 over the body, in hexadecimal.',
      }),
    changes: z
      .boolean({ error: 'must be true or false' })
      .default(false)
      .describe(
        'Whether every change of the store is sent as well, as the event `change`: also those made by commands, and those made while the gateway was stopped. In order, and again until the receiver answers with a status below 300.',
      ),
  })
  .exactOptional()
  .describe(
    'A webhook for changes that users make on the page, and for passwords that end, for instance to send users an e-mail.',
  )

/** Generated passwords, of which a set holds several. */
export const passwords = z
  .strictObject({
    defaultLifeDays: whole(1, 3650)
      .default(365)
      .describe('Days after which a generated password ends, unless its owner chooses a day.'),
    maxLifeDays: whole(1, 3650)
      .default(730)
      .describe('The most days that may be chosen. Passwords that exist keep their end.'),
    allowEndless: z
      .boolean({ error: 'must be true or false' })
      .default(false)
      .describe('Whether a generated password may have no end.'),
    maxGraceHours: whole(0, 8760)
      .default(168)
      .describe(
        'The most hours that a replaced password may go on working. The default is 0: it ends at once.',
      ),
  })
  .prefault({})
  .refine(({ defaultLifeDays, maxLifeDays }) => defaultLifeDays <= maxLifeDays, {
    path: ['defaultLifeDays'],
    error: 'must not be more than maxLifeDays',
  })
  .describe('Generated passwords that users and operators add to a credential, each with a name and an end.')

/** What access tokens are for, at upstreams that take them. */
const tokenScope = text('must be a scope that ends with /.default', /^\S+$/u)
  .default('499b84ac-1321-427f-aa17-267ca6975798/.default')
  .describe(
    'Only with `entra-service-principal` and `delegated`: what the token is for. The default is Azure DevOps. A sign-in gives one token, so it must be the same wherever `delegated` is used.',
  )

const ownMethods = [
  z.strictObject({
    method: z
      .literal('identity-headers')
      .describe(
        "How the upstream learns who the user is. `identity-headers`: `X-Forwarded-User` and related headers, which it must accept only from the gateway. `strip`: not at all. `swapped-credential`: a credential of the gateway. `entra-service-principal`: a token of the gateway from Microsoft Entra ID. `signed-assertion`: a short-lived JWT about the user. `pass-through`: the user's own password. `delegated`: the user's own access token, from the sign-in on the page. docs/upstream/README.md says what an upstream has to do.",
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
        'Only with `swapped-credential` and `basic`: the user name. With a personal access token, Azure DevOps accepts any, including none.',
      ),
    credential: followedSecret(headerSafeDemand, headerSafe).meta({
      writeOnly: true,
      followed: true,
      description:
        'Only with `swapped-credential`: the personal access token or password. Give it as `{ file: PATH }`: the file is read again when it changes, without a restart.',
    }),
  }),
  z.strictObject({
    method: z.literal('entra-service-principal'),
    issuer: issuer().describe(
      'Only with `entra-service-principal`: the OpenID Connect issuer of the service principal, `https://login.microsoftonline.com/DIRECTORY-ID/v2.0`.',
    ),
    clientId: text('must be the client id of the service principal').describe(
      'Only with `entra-service-principal`: its client id.',
    ),
    clientSecret: followedSecret(headerSafeDemand, headerSafe).meta({
      writeOnly: true,
      followed: true,
      description:
        'Only with `entra-service-principal`: its client secret. `{ file: PATH }` is read again when the file changes.',
    }),
    scope: tokenScope,
  }),
  z.strictObject({
    method: z.literal('signed-assertion'),
    algorithm: word('ES256', 'EdDSA')
      .default('ES256')
      .describe(
        'Only with `signed-assertion`: the signature algorithm. `ES256` is supported everywhere; `EdDSA` (Ed25519) is not supported by .NET.',
      ),
    keyDays: whole(1, 90)
      .default(7)
      .describe(
        'Only with `signed-assertion`: for how many days a key signs. It is published for the same time before and after.',
      ),
  }),
  z.strictObject({ method: z.literal('pass-through') }),
] as const

const ownNames =
  '"identity-headers", "strip", "swapped-credential", "entra-service-principal", "signed-assertion"'

const delegated = z.strictObject({
  method: z.literal('delegated'),
  scope: tokenScope,
  hosts: z
    .array(
      z
        .string({ error: 'must be a host name, or * and a dot before one' })
        .toLowerCase()
        .regex(/^(?:\*\.[a-z0-9-]+\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*$|^\[[0-9a-f:.]+\]$/, {
          error: 'must be a host name, or * and a dot before one',
        }),
      { error: 'must be a list of host names' },
    )
    .min(1, { error: 'must name at least one host' })
    .exactOptional()
    .describe(
      'Only with `delegated`: hosts that may get access tokens of users, as `dev.azure.com` or `*.visualstudio.com`. Requests to any other upstream get 503, and so do those over plain http to other machines. Name them: the addresses of accounts are in the store, and who can write to it could have tokens sent elsewhere.',
    ),
  fallback: z
    .strictObject({
      users: z
        .array(username, { error: 'must be a list of user names' })
        .min(1, { error: 'must name at least one user' })
        .describe(
          'Only with `delegated`: primary user names of the credentials that do not act by delegation, such as those of build users without a person behind them.',
        ),
      upstreamAuth: z
        .discriminatedUnion('method', ownMethods, { error: `must be ${ownNames} or "pass-through"` })
        .meta({
          listedElsewhere: true,
          description:
            'Only with `delegated`: the method for these users, with all its settings as in `upstreamAuth`; any but `delegated`.',
        }),
    })
    .exactOptional()
    .describe(
      'Only with `delegated`: users whose requests reach the upstream by another method. All others need a sign-in on the page.',
    ),
})

const methods = z.discriminatedUnion('method', [...ownMethods, delegated], {
  error: `must be ${ownNames}, "pass-through" or "delegated"`,
})

const account = z
  .string()
  .refine(name => readAccountName(name) !== undefined)
  .transform(name => name.toLowerCase())

/** How upstreams learn who the user is. */
export const upstreamAuth = {
  standard: methods
    .prefault({ method: 'identity-headers' })
    .describe(
      "How upstreams learn who the user is. By default, the client's own password is never forwarded.",
    ),

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
      'Accounts that use another method than `upstreamAuth`, by name; each with all settings of its method.',
    ),

  byName: z
    .record(
      z.string().regex(/^(?!default$)[A-Za-z0-9._-]{1,63}$/),
      methods.describe(
        'One method: `upstreamAuthByName: { tfs: { method: swapped-credential, credential: { file: /run/secrets/tfs } } }`.',
      ),
      {
        error: issue =>
          issue.code === 'invalid_key'
            ? 'must be a name of 1 to 63 letters, digits, "-", "_" or ".", and not "default"'
            : undefined,
      },
    )
    .default({})
    .describe(
      'Methods that accounts of the store can name: `altgate account set NAME --upstream-auth tfs`. An account that names one uses neither `upstreamAuth` nor its entry in `upstreamAuthByAccount`; if it names one that is not here, its requests get 503.',
    ),
}
