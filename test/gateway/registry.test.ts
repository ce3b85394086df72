import t from 'tap'
import type { Problem, Registry } from '../../src/gateway/registry.ts'

/** The problems that a change can have, one key each: the compiler refuses a missing one and one too many. */
type ProblemsOf<Change extends keyof Registry> = Readonly<
  Record<Extract<Awaited<ReturnType<Registry[Change]>>, Problem>['problem'], true>
>

type Changes = {
  readonly [Change in keyof Registry as 'string' extends Parameters<Registry[Change]>[0]
    ? Change
    : never]: ProblemsOf<Change>
}

const changes: Changes = {
  addDirectory: { 'directory-exists': true },
  addAccount: { 'account-exists': true, 'no-such-directory': true },
  setAccount: { 'no-such-account': true, 'account-exists': true },
  removeAccount: { 'no-such-account': true },
  setDirectory: { 'no-such-directory': true },
  removeDirectory: { 'no-such-directory': true, 'directory-in-use': true },
  connect: { 'no-such-directory': true, 'no-such-account': true, 'already-connected': true },
  disconnect: { 'no-such-account': true, 'already-connected': true },
  undoMove: { 'no-such-account': true, 'nothing-to-undo': true },
  planMove: {
    'no-such-directory': true,
    'no-such-account': true,
    'already-connected': true,
    'planned-already': true,
  },
  cancelMove: { 'no-such-account': true, 'no-planned-move': true },
  addMembers: { 'no-such-account': true, 'no-such-directory': true, 'no-such-credential': true },
  removeMembers: { 'no-such-account': true, 'no-members': true, 'no-such-member': true },
  openToAll: { 'no-such-account': true, 'no-members': true },
  link: {},
  unlink: { 'not-linked': true },
  setCredential: { 'no-such-directory': true, 'username-taken': true, unclaimed: true },
  resetCredential: {
    'no-such-directory': true,
    'no-such-credential': true,
    'username-taken': true,
    unclaimed: true,
  },
  switchCredential: { 'no-such-credential': true, blocked: true, 'off-by-owner': true },
  removeCredential: { 'no-such-credential': true },
  blockPerson: { 'no-such-person': true },
  revokeSessions: {},
  claimCredential: { 'no-such-credential': true, 'username-taken': true },
  giveGrant: {},
  endGrant: {},
  refuseGrant: {},
  disableUnconfirmed: {},
  addPassword: {
    'no-such-directory': true,
    'username-taken': true,
    unclaimed: true,
    'too-many-passwords': true,
    'password-name-taken': true,
  },
  revokePasswords: { 'no-such-credential': true, 'no-such-password': true },
  addToken: { 'token-name-taken': true },
  revokeToken: { 'no-such-token': true },
  importCredentials: { 'no-such-directory': true, 'username-taken': true, unclaimed: true },
}

t.test('each change of the registry names the problems that it can have, and no others', async t => {
  // What is promised is what `tsc` makes of the table; here, that the table lists every problem that there is.
  const all: Readonly<Record<Problem['problem'], true>> = {
    'no-such-directory': true,
    'directory-exists': true,
    'directory-in-use': true,
    'no-such-account': true,
    'account-exists': true,
    'already-connected': true,
    'nothing-to-undo': true,
    'planned-already': true,
    'no-planned-move': true,
    'no-members': true,
    'no-such-member': true,
    'no-such-credential': true,
    'no-such-password': true,
    'too-many-passwords': true,
    'password-name-taken': true,
    blocked: true,
    'off-by-owner': true,
    'not-linked': true,
    'no-such-person': true,
    'username-taken': true,
    unclaimed: true,
    'no-such-token': true,
    'token-name-taken': true,
  }
  const named = new Set(Object.values(changes).flatMap(problems => Object.keys(problems)))
  t.strictSame([...named].sort(), Object.keys(all).sort())
})
