import { readShown, type Shown } from '../../administration/credentials.ts'
import { explainReference, NotFound } from '../../administration/explanation.ts'
import { anyName, reference, Unusable } from '../../administration/given.ts'
import { readAccountName, type Username } from '../../gateway/names.ts'
import type { Page } from '../html.ts'
import { accountPage, homePage, nothingFound, personPage, referencePage } from './found-pages.ts'
import type { DeskContext } from './plugin.ts'

/** Refusals and changes that a page shows. */
const mostShown = 10

/** What is typed is a reference, an account, or a user. */
export async function find(desk: DeskContext, typed: string): Promise<Page> {
  const id = readable(reference, typed)
  if (id !== undefined) return await findReference(desk, typed, id)
  const name = readAccountName(typed)
  const account = name === undefined ? undefined : await desk.tools.registry.account(name)
  const user = readable(anyName, typed)
  const person = user === undefined ? undefined : await findPerson(desk, user)
  if (person !== undefined) return person
  if (account !== undefined) {
    const { refusals, changes } = desk.tools.store
    const filter = { account: account.name, most: mostShown }
    return accountPage(account, desk.settings, {
      members: account.membersOnly ? await desk.tools.registry.members(account.name) : undefined,
      refusals: (await refusals.list(filter)).toReversed(),
      changes: (await changes.list(filter)).toReversed(),
    })
  }
  return nothingFound(typed, user)
}

async function findReference({ tools, settings }: DeskContext, typed: string, id: string): Promise<Page> {
  try {
    return referencePage(await explainReference(tools, settings, id))
  } catch (error) {
    if (error instanceof NotFound) return nothingFound(typed, undefined, error.message)
    throw error
  }
}

async function findPerson({ tools }: DeskContext, user: Username): Promise<Page | undefined> {
  const { registry, store } = tools
  const credentials = await registry.person(user)
  const isBlocked = (await registry.blockedNames()).includes(user)
  if (credentials.length === 0 && !isBlocked) return undefined
  const shown: Shown[] = []
  for (const { scope, username } of credentials) shown.push(await readShown(tools, scope, username))
  const filter = { user, most: mostShown }
  return personPage(user, {
    isBlocked,
    shown,
    directories: await registry.directories(),
    tools,
    refusals: (await store.refusals.list(filter)).toReversed(),
    changes: (await store.changes.list(filter)).toReversed(),
  })
}

/** The last refusals of all users, and the search. */
export async function start({ tools }: DeskContext): Promise<Page> {
  return homePage((await tools.store.refusals.list({ most: mostShown })).toReversed())
}

function readable<T>(read: (text: string) => T, text: string): T | undefined {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof Unusable) return undefined
    throw error
  }
}
