import { z } from 'zod'
import { guid } from '../gateway/names.ts'
import { text } from './kinds.ts'

const directory = z
  .string({ error: 'must be the id of a directory' })
  .regex(new RegExp(guid.source, 'i'), { error: 'must be the id of a directory' })
  .transform(id => id.toLowerCase())
  .describe('The id of the directory in which they sign in. It must have `signIn` settings.')

const person = z
  .strictObject({
    directory,
    oid: text('must be the object id of a user', /^[!-~]{1,255}$/u)
      .exactOptional()
      .describe('The object id of one user: the claim `oid`.'),
    group: text('must be the object id of a group, or the value that the claim has', /^[!-~]{1,255}$/u)
      .exactOptional()
      .describe(
        'Or a group, all members of which are meant: a value of the claim `groups`. The app registration must add that claim to ID tokens. Entra ID leaves it out for users with more than 200 groups, who are then not let in: name them by `oid`, or let the app registration give only groups that are assigned to it.',
      ),
  })
  .refine(({ oid, group }) => (oid === undefined) !== (group === undefined), {
    error: 'must have exactly one of oid and group',
  })

/** What operators may do over http: an API with tokens, and a console. */
export const admin = z
  .strictObject({
    api: z
      .boolean({ error: 'must be true or false' })
      .default(false)
      .describe(
        'Whether the REST API at `/_altgate/api/v1` is served. It needs a token from `altgate token add`.',
      ),
    people: z
      .array(person, { error: 'must be a list of users and groups' })
      .default([])
      .describe(
        'Who may use the console at `/_altgate/admin`. With an empty list there is none. `admin: { people: [{ directory: 72f988bf-86f1-41af-91ab-2d7cd011db47, group: 0c2a7f5e-44f0-4a0e-9d5c-6f1d3a7d9b11 }] }`.',
      ),
  })
  .prefault({})
  .describe(
    'Administration over http, on the public port: both parts are off by default. docs/api.md describes them.',
  )
