import { Failure } from '../common/failure.ts'
import { scopeOf } from '../gateway/account.ts'
import { foldUsername, msaScope, readAccountName, readDirectoryId } from '../gateway/names.ts'
import type { Directory } from '../gateway/registry.ts'

/** Passwords of the demo. They are public: never protect anything of value with them. */
export const passwords = {
  msa: 'demo-microsoft',
  contoso: 'demo-contoso',
  /** What the guide proposes for the reset on northwind. */
  northwind: 'demo-blue-otter',
} as const

export const contosoDirectory = directory('Contoso', 'c0a70500-0000-4000-8000-000000000001')
export const northwindDirectory = directory('Northwind', 'c0a70500-0000-4000-8000-000000000002')

/** One account on Microsoft accounts, two on one directory, and one that has just moved to another. */
export const accounts = {
  fabrikam: known(readAccountName('fabrikam')),
  contoso: known(readAccountName('contoso')),
  contosoLabs: known(readAccountName('contoso-labs')),
  northwind: known(readAccountName('northwind')),
} as const

/** The repository that every demo account has, without its `.git`. */
export const repository = 'welcome'

export const anna = { username: foldUsername('anna@example.com'), secondary: foldUsername('anna') } as const

export const scopes = {
  msa: msaScope,
  contoso: scopeIn(contosoDirectory),
  northwind: scopeIn(northwindDirectory),
} as const

function directory(name: string, id: string): Directory {
  return { id: known(readDirectoryId(id)), name }
}

function scopeIn({ id, name }: Directory) {
  return scopeOf({ kind: 'entra', directoryId: id, directoryName: name })
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a name in the demo is invalid')
  return value
}

/** The demo cannot start, for a reason that the user can fix. The message is for the user. */
export class DemoCannotStart extends Failure {
  constructor(sentence: string) {
    super(sentence)
    this.name = 'DemoCannotStart'
  }
}
