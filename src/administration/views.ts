import { scopeOf } from '../gateway/account.ts'
import type { Grant } from '../gateway/delegation.ts'
import { type Change, numberOf } from '../gateway/history.ts'
import type { Refusal } from '../gateway/ports.ts'
import type { AccountRecord, CredentialRecord, Directory, PasswordRecord } from '../gateway/registry.ts'
import type { Settings } from '../settings/schema.ts'
import { addressOf, whereTo } from './accounts.ts'
import type { Shown } from './credentials.ts'
import type { MoveReadiness } from './move-readiness.ts'
import { signInJson, watchJson } from './sign-ins.ts'
import { isoTime } from './times.ts'
import type { Tools } from './tools.ts'

// What commands print with `--json`, and the API answers. Each field is named, so that nothing secret slips out, whatever
// the store adds to a record.

/** An account as JSON; times are ISO 8601 in UTC. */
export function accountJson(
  record: AccountRecord,
  settings: Pick<Settings, 'publicUrl' | 'accounts'>,
): object {
  return {
    name: record.name,
    address: addressOf(record.name, settings),
    upstream: record.upstream,
    destination: whereTo(record, settings),
    ...(record.upstreamAuth !== undefined && { upstreamAuth: record.upstreamAuth }),
    scope: scopeOf(record.connection),
    connection: record.connection,
    membersOnly: record.membersOnly ?? false,
    ...(record.planned && { planned: { to: record.planned.to, on: record.planned.on } }),
    history: record.history.map(({ connection, since, actor, bridgedUntil, undo }) => ({
      connection,
      since: isoTime(since),
      actor,
      ...(bridgedUntil !== undefined && { bridgedUntil: isoTime(bridgedUntil) }),
      ...(undo && { undo }),
    })),
  }
}

export function directoryJson({ id, name, issuer }: Directory): object {
  return { id, name, issuer }
}

export function changeJson({
  revision,
  at,
  actor,
  action,
  account,
  accounts,
  scope,
  usernames,
}: Change): object {
  const about = { account, accounts, scope, users: usernames }
  return { revision: numberOf(revision), at: isoTime(at), actor, action, ...about }
}

export function refusalJson({ at, ...rest }: Refusal): object {
  return { ...rest, at: isoTime(at) }
}

export function planJson({ account, to, users }: MoveReadiness): object {
  return {
    account: account.name,
    from: account.connection,
    to,
    people: users.map(({ username, standing, lastUsed, there, linked }) => ({
      username,
      standing,
      ...(lastUsed && { lastUsed: { at: isoTime(lastUsed.at), from: lastUsed.from } }),
      ...(there && { there: { ...there, since: isoTime(there.since) } }),
      linked,
    })),
  }
}

/** Names each field, so that what proves a password never slips out. */
export function passwordJson({ id, name, readOnly, setAt, client, ...rest }: PasswordRecord): object {
  const { endsAt, replacedAt, over, lastUsed } = rest
  return {
    ...(name !== undefined && { name }),
    id,
    readOnly,
    setAt: isoTime(setAt),
    ...(endsAt !== undefined && { endsAt: isoTime(endsAt) }),
    ...(replacedAt !== undefined && { replacedAt: isoTime(replacedAt) }),
    ...(over && { over: { cause: over.cause, at: isoTime(over.at) } }),
    ...(client !== undefined && { client }),
    ...(lastUsed && { lastUsed: { ...lastUsed, at: isoTime(lastUsed.at) } }),
  }
}

/** Names each field, so that a hash never slips out, whatever the store adds to a record. */
export function publicFieldsOf(record: CredentialRecord): object {
  const { scope, username, secondary, enabled, disabledBy, algorithm, setAt } = record
  return { scope, username, secondary, enabled, disabledBy, algorithm, setAt: isoTime(setAt) }
}

/** When and from where it was last used, if it was. */
export function lastUsedField({ lastUsed }: Pick<CredentialRecord, 'lastUsed'>): object | undefined {
  return lastUsed && { lastUsed: { at: isoTime(lastUsed.at), from: lastUsed.from } }
}

export function credentialJson(
  record: CredentialRecord,
  grant: Grant | undefined,
  { delegation, watch }: Pick<Tools, 'delegation' | 'watch'>,
): object {
  return {
    ...publicFieldsOf(record),
    ...lastUsedField(record),
    ...(grant && { signIn: signInJson(grant, delegation) }),
    liveness: watchJson(watch(record, grant)),
  }
}

export function shownJson(
  { record, grant, accounts, linked, passwords }: Shown,
  tools: Pick<Tools, 'delegation' | 'watch'>,
): object {
  return {
    ...credentialJson(record, grant, tools),
    claimed: record.owner !== undefined && record.unproved !== true,
    accounts: accounts.map(({ name, member, use }) => ({
      name,
      member,
      ...(use && { lastUsed: { at: isoTime(use.at), from: use.from } }),
    })),
    linked,
    passwords: passwords.map(passwordJson),
  }
}
