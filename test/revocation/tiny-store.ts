import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Change } from '../../src/gateway/history.ts'
import { foldUsername, msaScope, type Revision } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Announce, ChangeLog } from '../../src/gateway/ports.ts'
import { announced } from '../support/steady-history.ts'

/** The user whose password the tiny store keeps. */
export const anna = foldUsername('anna@example.com')

interface State {
  readonly password: string
  readonly changes: readonly Change[]
}

/** A store for one password, in one file that any number of processes can read: a real one, but tiny. */
export interface TinyStore extends ChangeLog {
  /** One consistent read. */
  read(): { readonly asOf: Revision; readonly password: string }
  /** Announces, then commits, as the real one does. */
  setPassword(password: string, announce: Announce): Promise<void>
  /** Logs a change of this name's credential as the next one, without announcing it. */
  commit(username?: string): Change
  /** How often the log was asked. */
  asked(): number
}

/** `versioned`: has a data version, as SQLite; else none, as PostgreSQL. The store is down while the file is not there. */
export function openTinyStore(file: string, { versioned = false } = {}): TinyStore {
  let asked = 0

  function load(): State {
    if (!existsSync(file)) throw new Outage('store', new Error('the file is gone'))
    return JSON.parse(readFileSync(file, 'utf8')) as State // only `save` writes it
  }

  function next({ changes }: State, username: string): Change {
    const revision = (newest({ changes }) + 1) as Revision
    const usernames = [foldUsername(username)]
    return { revision, at: 0, actor: 'cli:test', action: 'credential-set', scope: msaScope, usernames }
  }

  return {
    asked: () => asked,
    dataVersion: () => (versioned ? newest(load()) : undefined),
    revision: async () => newest(load()),
    async since(revision) {
      asked += 1
      return load().changes.filter(change => change.revision > revision)
    },
    read() {
      const state = load()
      return { asOf: newest(state), password: state.password }
    },
    async setPassword(password, announce) {
      const state = load()
      const change = next(state, anna)
      await announce(change, ...announced(change))
      save(file, { password, changes: [...state.changes, change] })
    },
    commit(username = anna) {
      const state = load()
      const change = next(state, username)
      save(file, { ...state, changes: [...state.changes, change] })
      return change
    },
  }
}

export function makeTinyStore(file: string, password: string): void {
  save(file, { password, changes: [] })
}

/** A reader sees all of it or nothing. */
function save(file: string, state: State): void {
  writeFileSync(`${file}.new`, JSON.stringify(state))
  renameSync(`${file}.new`, file)
}

function newest({ changes }: Pick<State, 'changes'>): Revision {
  return (changes.at(-1)?.revision ?? 0) as Revision
}
