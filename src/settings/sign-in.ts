import { z } from 'zod'
import { secret, text, whole } from './kinds.ts'

/** The authority of personal accounts: every directory has a number, and this one stands for "none". */
const microsoftAccounts = 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0'

/** Plain http is for trials on one machine: codes and tokens would be readable on their way. */
const issuerPattern =
  /^(?:https:\/\/[^\s\\@?#]+|http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?(?:\/[^\s\\@?#]*)?)$/i

/** The issuer of an identity provider. */
export function issuer() {
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
  .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
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
