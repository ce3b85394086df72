import { linksOf, readShown, removeCredential, setCredential, unlink } from '../administration/credentials.ts'
import * as read from '../administration/given.ts'
import { addPassword, passwordsOf, revokePasswords } from '../administration/passwords.ts'
import { insist, insistOnScope } from '../administration/problems.ts'
import { atProvider, endSignIn } from '../administration/sign-outs.ts'
import { isoTime } from '../administration/times.ts'
import { credentialJson, passwordJson, shownJson } from '../administration/views.ts'
import { readPassword } from '../gateway/credential.ts'
import { isBlocked } from '../gateway/registry.ts'
import type { Secret } from '../gateway/secret.ts'
import { type Call, page, type Route } from './routes.ts'
import { Rejected } from './problems.ts'
import { fields, object, optional, pageOf, shared } from './schemas.ts'

const whose = object({ scope: fields.scope, user: fields.user })

function whoseIn({ given }: Call) {
  return { scope: given.required('scope', read.scope), user: given.required('user', read.anyName) }
}

/** Credentials and their passwords. */
export const credentialRoutes: Readonly<Record<string, Route>> = {
  'GET /credentials': {
    does: 'Lists the credentials of a scope, without their passwords.',
    needs: 'read',
    query: object({ scope: fields.scope, 'limit?': fields.limit, 'after?': fields.after }),
    answer: pageOf('Credential'),
    act: async ({ tools, given }) => {
      const scope = given.required('scope', read.scope)
      await insistOnScope(tools.registry, scope)
      const withGrant = async (from: { after: string; most: number }) =>
        await Promise.all(
          (await tools.registry.credentials(scope, from)).map(async record => ({
            record,
            grant: record.owner && (await tools.store.grants.of(scope, record.owner)).grant,
          })),
        )
      return await page(
        given,
        withGrant,
        ({ record }) => record.username,
        ({ record, grant }) => credentialJson(record, grant, tools),
      )
    },
  },
  'POST /credentials': {
    does: 'Adds a credential or resets its password. Without a password, the gateway generates one and answers it.',
    needs: 'write',
    body: object({
      scope: fields.scope,
      user: fields.user,
      'secondary?': fields.user,
      'password?': {
        type: 'string',
        maxLength: 1024,
        description: 'Over https only. Left out: the gateway generates one.',
      },
      'samePerson?': {
        type: 'boolean',
        description: 'It goes to the person who has claimed the credential.',
      },
      'existing?': { type: 'boolean', description: 'Refuses a user name that does not exist.' },
    }),
    answer: shared('NewPassword'),
    act: async ({ tools, given, actor, settings, isSecure }) => {
      const scope = given.required('scope', read.scope)
      const user = given.required('user', read.primaryName)
      const secondary = given.optional('secondary', read.secondaryName)
      const password = given.optional('password', readPassword)
      if (password !== undefined && !isSecure) throw new Rejected(403, 'plain-http', overHttps)
      if (password?.isEmpty) throw new Rejected(400, 'invalid', 'password: it is empty. Nothing was changed.')
      const wanted = { scope, user, secondary, password }
      const more = { samePerson: given.flag('samePerson'), existing: given.flag('existing') }
      const set = await setCredential(tools, actor, { ...wanted, ...more }, settings.publicUrl)
      return {
        result: set.result,
        scope,
        username: user,
        ...(secondary !== undefined && { secondary }),
        enabled: set.enabled,
        ...(password === undefined && shownOnce(set.password)),
        notes: set.notes,
      }
    },
  },
  'GET /credentials/:scope/:user': {
    does: 'Shows everything about one credential, without its password.',
    needs: 'read',
    params: whose,
    answer: shared('CredentialInFull'),
    act: async call => {
      const { scope, user } = whoseIn(call)
      return shownJson(await readShown(call.tools, scope, user), call.tools)
    },
  },
  'DELETE /credentials/:scope/:user': {
    does: 'Removes a credential with all that belongs to it.',
    needs: 'write',
    params: whose,
    answer: shared('Done'),
    act: async call => {
      const { scope, user } = whoseIn(call)
      const { record } = await readShown(call.tools, scope, user)
      const revocation = await removeCredential(call.tools, call.actor, record)
      const notes = [
        ...(revocation === undefined || revocation === 'revoked' ? [] : [atProvider[revocation]]),
        ...(isBlocked(record) ? ['It was blocked. A new one is not, unless you block the person.'] : []),
      ]
      return {
        done: `The credential of ${record.username} in scope ${scope} was removed, in every running gateway.`,
        notes,
      }
    },
  },
  'POST /credentials/:scope/:user/disable': {
    does: "Switches a credential off: an operator's block, which the user cannot end.",
    needs: 'write',
    params: whose,
    body: optional({ now: fields.now }),
    answer: shared('Done'),
    act: async call => {
      const { scope, user } = whoseIn(call)
      const { registry, emergency } = call.tools
      const now = call.given.flag('now')
      const chosen = now ? emergency.registry : registry
      await insist(chosen.switchCredential(call.actor, scope, user, false))
      return {
        done: `The credential of ${user} in scope ${scope} is off${now ? ' in the store' : ', in every running gateway'}.`,
        ...(now && { certainInSeconds: Math.ceil(emergency.certainAfterMs / 1000) }),
      }
    },
  },
  'POST /credentials/:scope/:user/enable': {
    does: "Ends an operator's block. With override, also if the user has switched the credential off.",
    needs: 'write',
    params: whose,
    body: optional({ override: { type: 'boolean' } }),
    answer: shared('Done'),
    act: async call => {
      const { scope, user } = whoseIn(call)
      const { registry } = call.tools
      const by = call.given.flag('override') ? 'operator-overriding' : 'operator'
      await insist(registry.switchCredential(call.actor, scope, user, true, by))
      const kept = (await registry.person(user)).find(each => each.scope === scope)
      return {
        done:
          kept?.enabled === false
            ? `The credential of ${user} in scope ${scope} is no longer blocked, but its user has switched it off. To switch it on all the same, give override.`
            : `The credential of ${user} in scope ${scope} is on, in every running gateway.`,
      }
    },
  },
  'POST /credentials/:scope/:user/sign-out': {
    does: 'Ends the sign-in with which the gateway acts as the user or checks them.',
    needs: 'write',
    params: whose,
    body: optional({}),
    answer: shared('Done'),
    act: async call => {
      const { scope, user } = whoseIn(call)
      const revocation = await endSignIn(call.tools, call.actor, scope, user)
      return {
        done:
          revocation === undefined
            ? `${user} has no active sign-in in scope ${scope}. Nothing was changed.`
            : `The sign-in of ${user} in scope ${scope} has ended, in every running gateway. ${atProvider[revocation]}`,
      }
    },
  },
  'POST /credentials/:scope/:user/unlink': {
    does: 'Ends the links of a user to identities in other scopes, or to the one that is named.',
    needs: 'write',
    params: whose,
    body: optional({ with: fields.scope }),
    answer: shared('Done'),
    act: async call => {
      const { scope, user } = whoseIn(call)
      const other = call.given.optional('with', read.scope)
      const shown = await readShown(call.tools, scope, user)
      linksOf(shown, other)
      const ended = await unlink(call.tools, call.actor, shown, other)
      const from = ended.map(each => each.scope).join(', ')
      return {
        done: `${user} in scope ${scope} is no longer linked to scope ${from}, in every running gateway.`,
      }
    },
  },
  'GET /credentials/:scope/:user/passwords': {
    does: 'Lists the generated passwords of a credential; those that have ended for 90 days more.',
    needs: 'read',
    params: whose,
    answer: object({ items: { type: 'array', items: shared('Password') } }),
    act: async call => {
      const { scope, user } = whoseIn(call)
      return { items: (await passwordsOf(call.tools, scope, user)).map(passwordJson) }
    },
  },
  'POST /credentials/:scope/:user/passwords': {
    does: 'Generates one more password, or replaces the one of its name, and answers it once.',
    needs: 'write',
    params: whose,
    body: optional({
      name: fields.passwordName,
      expires: { type: 'string', description: 'A day such as 2027-01-31, or never.', maxLength: 10 },
      readOnly: { type: 'boolean' },
      replace: { type: 'boolean' },
      validOldHours: { type: 'integer', minimum: 1, maximum: 8760 },
    }),
    answer: shared('NewPassword'),
    act: async call => {
      const { scope, user } = whoseIn(call)
      const { given } = call
      const wanted = {
        scope,
        user,
        name: given.optional('name', read.passwordName),
        expires: given.text('expires'),
        readOnly: given.flag('readOnly'),
        replace: given.flag('replace'),
        validOld: given.optional('validOldHours', read.graceHours),
      }
      const added = await addPassword(call.tools, call.actor, wanted, call.settings.passwords)
      const { endsAt, oldEndsAt, current } = added
      return {
        scope,
        username: user,
        name: added.name,
        readOnly: added.readOnly,
        ...(endsAt !== undefined && { endsAt: isoTime(endsAt) }),
        ...(oldEndsAt !== undefined && { oldEndsAt: isoTime(oldEndsAt) }),
        ...shownOnce(added.password),
        notes: [
          ...(current === undefined
            ? [`There was no credential ${user} in scope ${scope}: it was made.`]
            : []),
          ...(current?.enabled === false ? ['The credential is switched off.'] : []),
        ],
      }
    },
  },
  'POST /credentials/:scope/:user/passwords/revoke': {
    does: 'Ends one generated password by its name, the one that it replaced (old), or all that have a name.',
    needs: 'write',
    params: whose,
    body: optional({ name: fields.passwordName, old: { type: 'boolean' }, all: { type: 'boolean' } }),
    answer: object({ revoked: { type: 'array', items: { type: 'string' } } }),
    act: async call => {
      const { scope, user } = whoseIn(call)
      const [name, old, all] = [call.given.text('name'), call.given.flag('old'), call.given.flag('all')]
      if ((name === undefined) !== all || (old && name === undefined))
        throw new Rejected(400, 'invalid', 'Say which: name, name and old, or all. Nothing was changed.')
      const revoked = await revokePasswords(call.tools, call.actor, { scope, user, name, old })
      return { revoked: [...new Set(revoked.map(each => each.name))] }
    },
  },
}

/** A password that the gateway chose: in this answer, and nowhere else. */
function shownOnce(password: Secret): { readonly password: string } {
  return { password: password.reveal() }
}

const overHttps =
  'A password is taken over https only, and this one was not used. It has travelled unprotected: choose another one, or leave it out, and the gateway generates one.'
