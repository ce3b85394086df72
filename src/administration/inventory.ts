import type { Instant } from '../gateway/names.ts'
import type { ToolUse, ToolUseKey, ToolUses } from '../gateway/tool-uses.ts'
import { isoTime } from './times.ts'

const pageSize = 1000

/** All uses that are meant, in pages: a store can have so many that they may not be in memory together. */
export async function* eachUse(
  toolUses: Pick<ToolUses, 'page'>,
  filter: Parameters<ToolUses['list']>[0],
): AsyncGenerator<readonly ToolUse[]> {
  let after: ToolUseKey | undefined
  do {
    const { uses, next } = await toolUses.page({ ...filter, after, most: pageSize })
    yield uses
    after = next
  } while (after !== undefined)
}

const dayMs = 24 * 60 * 60 * 1000

/** Whole days since a password was set. */
export function ageIn({ password: { setAt } }: Pick<ToolUse, 'password'>, now: Instant): number | undefined {
  return setAt === undefined ? undefined : Math.max(0, Math.floor((now - setAt) / dayMs))
}

/** What its user calls a password. */
export function passwordText({ password: { name, generated } }: Pick<ToolUse, 'password'>): string {
  return name ?? (generated ? 'main (generated)' : 'main (chosen)')
}

/** The columns of the inventory as CSV. */
export const inventoryColumns: readonly string[] = [
  'account',
  'user',
  'scope',
  'tool',
  'from',
  'path',
  'password',
  'password_kind',
  'password_set_at',
  'password_age_days',
  'first_seen',
  'last_seen',
  'requests',
]

/** A use in these columns. */
export function inventoryRow(use: ToolUse, now: Instant): readonly string[] {
  const { account, username, scope, tool = '', network, path, password, firstAt, lastAt, requests } = use
  const { name = '', generated, setAt } = password
  return [
    account,
    username,
    scope,
    tool,
    network,
    path,
    name,
    generated ? 'generated' : 'chosen',
    setAt === undefined ? '' : isoTime(setAt),
    `${ageIn(use, now) ?? ''}`,
    isoTime(firstAt),
    isoTime(lastAt),
    `${requests}`,
  ]
}

export function useJson(use: ToolUse, now: Instant): object {
  const { account, username: user, scope, tool, network: from, path, firstAt, lastAt, requests } = use
  const { setAt, name, generated } = use.password
  return {
    account,
    user,
    scope,
    ...(tool !== undefined && { tool }),
    from,
    path,
    password: {
      ...(name !== undefined && { name }),
      generated,
      ...(setAt !== undefined && { setAt: isoTime(setAt), ageDays: ageIn(use, now) }),
    },
    firstSeen: isoTime(firstAt),
    lastSeen: isoTime(lastAt),
    requests,
  }
}
