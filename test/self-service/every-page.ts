import { northwindDirectory } from '../../src/demo/people.ts'
import type { Connection } from '../../src/gateway/account.ts'
import type { Grant, GrantEnd } from '../../src/gateway/delegation.ts'
import {
  foldUsername,
  type Instant,
  msaScope,
  type Owner,
  type PasswordId,
  type Scope,
} from '../../src/gateway/names.ts'
import { type CredentialRecord, mostPasswords, type PasswordRecord } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import type { Page } from '../../src/self-service/html.ts'
import { en } from '../../src/self-service/messages/en.ts'
import { notConnected } from '../../src/self-service/pages/acting.ts'
import { continueToProvider, type OtherIdentity } from '../../src/self-service/pages/links.ts'
import { withMoveAhead } from '../../src/self-service/pages/moving.ts'
import * as helpers from '../../src/self-service/pages/oauth.ts'
import { type Feedback, type OwnSet, type Profile, profile } from '../../src/self-service/pages/profile.ts'
import { saved, savedNamed } from '../../src/self-service/pages/saved.ts'
import * as trouble from '../../src/self-service/pages/trouble.ts'
import { goodbye, welcome, whichAccount } from '../../src/self-service/pages/welcome.ts'
import type { ScopeName } from '../../src/self-service/scope-names.ts'
import type { Identity } from '../../src/self-service/session.ts'
import { named } from './lab.ts'

const day = 24 * 60 * 60_000
const now: Instant = Date.UTC(2026, 10, 28, 1, 6)
const northwindScope = northwindDirectory.id as string as Scope
const msa: ScopeName = { scope: msaScope }
const northwind: ScopeName = { scope: northwindScope, directory: northwindDirectory.name }
const toNorthwind: Connection = {
  kind: 'entra',
  directoryId: northwindDirectory.id,
  directoryName: northwindDirectory.name,
}
const planned = { to: toNorthwind, on: '2096-11-24' }
const fabrikam = named('fabrikam')
const anna = foldUsername('anna@example.com')
const owner = 'o' as Owner
const account = { name: fabrikam, connection: { kind: 'msa' } } as const
const authority = { setting: 'signIn.msa' } as never // no page of this list starts a sign-in
const place = { account, scopeName: msa }

const credential: CredentialRecord = {
  scope: msaScope,
  username: anna,
  enabled: true,
  algorithm: 'argon2id',
  setAt: now - day,
  confirmedAt: now - day,
  owner,
}
const off: CredentialRecord = { ...credential, enabled: false, disabledBy: ['owner'] }
const blocked: CredentialRecord = { ...credential, enabled: false, disabledBy: ['operator'] }
const used = { at: now - day, from: '192.0.2.17' }

function password(name: string, rest: Partial<PasswordRecord> = {}): PasswordRecord {
  return {
    id: name as PasswordId,
    name,
    readOnly: false,
    setAt: now - 2 * day,
    endsAt: now + 90 * day,
    ...rest,
  }
}

const unnamed = (rest: Partial<PasswordRecord>): PasswordRecord => {
  const { name: _, ...record } = password('main', rest)
  return record
}

function lives(all: readonly PasswordRecord[], allowEndless = false): Profile['passwords'] {
  const lengths = { defaultLifeDays: 365, maxLifeDays: 730, allowEndless, maxGraceHours: 168 }
  return { all, state: 's', lives: lengths, now }
}

const identity: Identity = {
  scope: northwindScope,
  owner,
  username: anna,
  account: named('northwind'),
  at: now,
}
const other: OtherIdentity = { identity, scopeName: northwind, fresh: true, linked: false }
const sets: readonly OwnSet[] = [
  { scopeName: msa, account: fabrikam, credential, fresh: true },
  { scopeName: northwind, account: named('northwind'), credential: undefined, fresh: false },
  { scopeName: northwind, account: named('northwind'), credential: off, fresh: true },
  { scopeName: northwind, account: named('northwind'), credential: blocked, fresh: true },
]

const usual: Profile = {
  account,
  scopeName: msa,
  csrf: 'c',
  username: anna,
  credential,
  claimable: false,
  taken: false,
  contestedAt: undefined,
  passwords: lives([]),
  acting: { wanted: undefined, grant: undefined },
  helpers: undefined,
  fresh: true,
  opens: [],
  sets: sets.slice(0, 1),
  others: [],
  links: [],
}

const mine = (change: Partial<Profile> = {}, feedback?: Feedback) =>
  profile({ ...usual, ...change }, feedback)

const grant: Grant = {
  scope: msaScope,
  owner,
  issuer: 'https://login.example.com',
  clientId: 'c',
  username: anna,
  refreshToken: 'sealed',
  grantedAt: now - day,
  renewedAt: now - 1000,
  checkedAt: now - 1000,
  version: 1,
}
const { refreshToken: _, ...ended } = grant
const upstream = { upstream: '499b84ac-1321-427f-aa17-267ca6975798/.default' }
const unknownUpstream = { upstream: 'https://git.example.net/.default' }
const liveness = { liveness: true } as const
const both = { ...upstream, ...liveness }
const ends: readonly GrantEnd[] = ['refused', 'disconnected', 'signed-out', 'claims']

const generated = new Secret('agp_0')
const new_ = {
  csrf: 'c',
  account: fabrikam,
  scopeName: msa,
  credential,
  url: new URL('https://git.example.com/fabrikam/'),
  made: generated,
  advice: [],
} as const
const build7 = {
  ...new_,
  name: 'build-7',
  endsAt: now - (now % day) + 90 * day,
  readOnly: true,
  graceHours: 0,
}

const helper = { id: 'git-credential-manager', name: 'Git Credential Manager' }
const user = {
  account,
  scopeName: msa,
  authority,
  session: { csrf: 'c', identities: [] },
  identity,
  fresh: true,
} as const
const question = { user, helper, username: anna, name: () => 'laptop' } as const
const info = { name: 'build-7', from: '192.0.2.17', tool: 'git/2.47.1', at: now }
const asks = { helper: helper.name, action: '/_altgate/device', hidden: new Map([['user_code', 'x']]) }
const first = { requested: place as never, helper: helper.name, next: '/', other: '/' }

const keys = <T extends object>(of: T) => Object.keys(of) as (keyof T)[] // no key is added later

/** Every page in every state, with the sentences of each: what users can see, but for the console. */
export const everyPage: Readonly<Record<string, Page>> = {
  ...Object.fromEntries(
    (['unreachable', 'slow', 'nonsense'] as const).map(how => [
      `provider ${how}`,
      trouble.providerTrouble(how),
    ]),
  ),
  unavailable: trouble.partUnavailable(5),
  made: trouble.inDoubt('made'),
  'made perhaps': trouble.inDoubt('perhaps'),
  busy: trouble.busy(place),
  ...Object.fromEntries([1, 60, 600].map(wait => [`too many, ${wait}`, trouble.tooManyRequests(wait)])),
  'no such page': trouble.noSuchPage,
  'not understood': trouble.notUnderstood,
  'too large': trouble.tooLarge,
  'wrong type': trouble.wrongType,
  'plain http': trouble.plainHttp,
  'not from here': trouble.notFromHere,
  'signed out': trouble.signedOut(place),
  stale: trouble.stale(place),
  'sign-in lost': trouble.signInLost,
  declined: trouble.declined(place, true),
  'no authority': trouble.noAuthority(fabrikam),
  ...Object.fromEntries(
    [msa, northwind].flatMap(scopeName => [
      [`elsewhere ${scopeName.scope}`, trouble.elsewhereNow(fabrikam, scopeName)],
      [`wrong directory ${scopeName.scope}`, trouble.wrongDirectory({ ...place, scopeName })],
      [`name taken ${scopeName.scope}`, trouble.nameTaken(scopeName, anna)],
    ]),
  ),

  'which account': whichAccount(sets),
  'no such account': whichAccount([], { typed: 'x', sentence: say => say.welcome.unknown }),
  'no account': whichAccount([], { typed: '', sentence: say => say.welcome.noName }),
  'no account name': whichAccount([], { typed: '-', sentence: say => say.welcome.badName }),
  welcome: welcome({ account, scopeName: msa, authority }, undefined),
  'welcome, asking': welcome({ account, scopeName: msa, authority }, both),
  'welcome, only watched': welcome({ account, scopeName: msa, authority }, liveness),
  'welcome, planned': welcome(
    {
      account: { ...account, planned: { ...planned, since: now, actor: 'cli:root' } },
      scopeName: msa,
      authority,
    },
    undefined,
  ),
  'welcome, coming': welcome({ account, scopeName: northwind, authority, coming: planned }, undefined),
  'no authority, planned': withMoveAhead(trouble.noAuthority(fabrikam), account, planned),
  goodbye,

  profile: mine(),
  'first time': mine({ credential: undefined }),
  'only generated': mine({
    credential: { ...credential, algorithm: 'generated', lastUsed: used, secondary: foldUsername('anna') },
    passwords: lives([unnamed({ lastUsed: used })]),
  }),
  'no main password': mine({ credential: { ...credential, algorithm: 'generated' } }),
  renamed: mine({ username: foldUsername('anna.k@example.com') }),
  'switched off': mine({ credential: off }),
  blocked: mine({ credential: blocked }),
  'not fresh': mine({ fresh: false, others: [other], links: [{ scopeName: northwind, username: anna }] }),
  nameless: mine({ username: undefined, credential: undefined, scopeName: northwind }),
  taken: mine({ taken: true, credential: undefined }),
  contested: mine({ contestedAt: now }),
  'to claim': mine({ credential: undefined, claimable: true }),
  'to claim again': mine({ credential: { ...credential, unproved: true } }),
  'in a directory': mine({
    scopeName: northwind,
    opens: Array.from({ length: 25 }, (_, at) => named(`n-${at}`)),
    sets,
  }),
  coming: mine({ coming: planned }),
  'coming, in a directory': mine({ coming: planned, scopeName: northwind }),
  ...Object.fromEntries(
    [undefined, credential, off].flatMap((each, at) =>
      [true, false].map(signedIn => [
        `prepared ${at} ${signedIn}`,
        mine({ preparation: { planned, signedIn, credential: each } }),
      ]),
    ),
  ),
  'not fresh, not prepared': mine({
    fresh: false,
    preparation: { planned, signedIn: false, credential: undefined },
  }),
  'to link': mine({
    others: [
      other,
      { ...other, fresh: false },
      { ...other, identity: { ...identity, coming: true }, fresh: false },
    ],
  }),
  'to link without a name': mine({
    others: [{ ...other, identity: { scope: northwindScope, owner, account: fabrikam, at: now } }],
  }),
  linked: mine({
    links: [
      { scopeName: northwind, username: anna },
      { scopeName: msa, username: undefined },
    ],
  }),
  helpers: mine({
    helpers: {
      site: 'https://git.example.com',
      account: fabrikam,
      username: anna,
      deviceCodes: true,
      own: { publicUrl: 'https://git.example.com', naming: { by: 'path' }, checksum: 'c0ffee' },
    },
  }),

  passwords: mine({
    passwords: lives(
      [
        endless(password('p-a', { lastUsed: { ...used, tool: 'git/2.47.1' }, readOnly: true })),
        password('p-b', { lastUsed: used, endsAt: now + day }),
        password('p-c', { client: 'git-credential-oauth', replacedAt: now - 1000, lastUsed: used }),
        password('p-d', { replacedAt: now - 2 * day, lastUsed: used, endsAt: now - (now % day) + 9 * day }),
        unnamed({}),
        ...(['past-its-end', 'replaced', 'revoked'] as const).map(cause =>
          password(`p-${cause}`, { over: { cause, at: now - 1000 } }),
        ),
        password('p-e', { over: { cause: 'revoked', at: now - 1000 }, lastUsed: used }),
      ],
      true,
    ),
  }),
  'only ended passwords': mine({
    passwords: lives([password('p-a', { over: { cause: 'revoked', at: now } })]),
  }),
  'as many passwords as can be': mine({
    passwords: lives(Array.from({ length: mostPasswords }, (_, at) => password(`p-${at}`))),
  }),
  replacing: mine(
    {},
    { adding: { name: '', lastDay: '', readOnly: true, hours: '0', replaced: password('p-a') } },
  ),

  connected: mine({ acting: { wanted: both, grant } }),
  'connected without a name': mine({ acting: { wanted: unknownUpstream, grant: withoutName(grant) } }),
  'connected, not needed': mine({ acting: { wanted: undefined, grant } }),
  'only watched': mine({ acting: { wanted: liveness, grant } }),
  'only watched, without a name': mine({ acting: { wanted: liveness, grant: withoutName(grant) } }),
  ...Object.fromEntries(
    [1, 30].flatMap(unwatchedDays => [
      [`watched for ${unwatchedDays}`, mine({ acting: { wanted: liveness, grant, unwatchedDays } })],
      [
        `unwatched for ${unwatchedDays}`,
        mine({ acting: { wanted: liveness, grant: undefined, unwatchedDays } }),
      ],
    ]),
  ),
  ...Object.fromEntries(
    ends.map(cause => [
      `ended: ${cause}`,
      mine({ acting: { wanted: both, grant: { ...ended, ended: { at: now, cause } } } }),
    ]),
  ),
  'sign-in needed': mine({ scopeName: northwind, acting: { wanted: both, grant: undefined } }),
  'sign-in unusable': mine({ acting: { wanted: both, grant: ended } }),
  ...Object.fromEntries(
    [upstream, liveness].flatMap((wanted, at) =>
      [true, false].map(isConnected => [
        `not connected ${at} ${isConnected}`,
        notConnected({ ...place, wanted, isConnected }),
      ]),
    ),
  ),
  'sign in too': continueToProvider({
    from: place,
    scopeName: northwind,
    to: new URL('https://login.example.com/'),
    wanted: both,
  }),

  'saved, generated': saved(new_),
  'saved, chosen': saved({ ...new_, made: undefined, advice: ['short', 'not-ascii'] }),
  'saved, switched off': saved({ ...new_, credential: off, scopeName: northwind }),
  'saved, blocked': saved({ ...new_, credential: blocked }),
  'saved, coming': saved({ ...new_, coming: planned }),
  'named saved': savedNamed({ ...build7, graceHours: undefined }),
  ...Object.fromEntries(
    [0, 1, 1200].map(graceHours => [`replaced ${graceHours}`, savedNamed({ ...build7, graceHours })]),
  ),
  'named saved, without end': savedNamed({ ...build7, endsAt: undefined, readOnly: false }),

  ...Object.fromEntries(
    keys(en.notes).map(key => [
      `note ${key}`,
      mine({}, { note: ({ notes }) => (key === 'worksThere' ? notes[key]('contoso') : notes[key]) }),
    ]),
  ),
  done: mine({}, { done: ({ notes }) => notes.on }),
  ...Object.fromEntries(
    keys(en.faults).map(key => [
      `fault ${key}`,
      mine(
        {},
        {
          faults: {
            secondary: ({ faults: say }) =>
              key === 'hours' ? say[key](168) : key === 'end' || key === 'name' ? say.how : say[key],
          },
        },
      ),
    ]),
  ),
  ...Object.fromEntries(
    keys(en.faults.name).map(key => [
      `name ${key}`,
      mine({}, { faults: { name: say => say.faults.name[key] } }),
    ]),
  ),
  ...Object.fromEntries(
    keys(en.faults.end).map(key => [
      `end ${key}`,
      mine({}, { faults: { ends: say => say.faults.end[key](730, '2028-11-27') } }),
    ]),
  ),
  ...Object.fromEntries(
    keys(en.flaws.sentences).map(key => [
      `flaw ${key}`,
      mine({}, { faults: { password: say => `${say.flaws.sentences[key]} ${say.flaws.help}` } }),
    ]),
  ),

  'a helper asks': helpers.askToAgree({ ...question, uid: 'u' }),
  'a helper asks, wrong name': helpers.askToAgree({
    ...question,
    uid: 'u',
    fault: say => say.faults.name.empty,
  }),
  'a device asks': helpers.askToAgreeToDevice({
    ...question,
    name: ({ asking: say }) => say.nameOnDevice('build-7'),
    code: 'BCDFGHJK',
    info,
  }),
  'a device without a name asks': helpers.askToAgreeToDevice({
    ...question,
    code: 'BCDFGHJK',
    info: { ...info, name: '', tool: '' },
  }),
  ...Object.fromEntries(
    [true, false].flatMap(yes => [
      [`back to the helper, ${yes}`, helpers.backToHelper('http://127.0.0.1/', helper.name, yes)],
      [`back to the device, ${yes}`, helpers.deviceAnswered(helper.name, yes)],
      [`sign in for a helper, ${yes}`, helpers.signInFirst({ ...first, again: yes })],
    ]),
  ),
  code: helpers.askForCode(),
  'wrong code': helpers.askForCode('x'),
  'account for a helper': helpers.accountFor(asks),
  'wrong account for a helper': helpers.accountFor({ ...asks, wrong: 'x' }),
  ...Object.fromEntries(
    keys(en.asking.reasons).map(why => [`cannot: ${why}`, helpers.cannotGive(user, helper.name, why)]),
  ),
  'unknown helper': helpers.unknownHelper(),
  'refused helper': helpers.unknownHelper('<code>0</code>'),
  'start again': helpers.startAgain,
}

/** The same, without an end. */
function endless(record: PasswordRecord): PasswordRecord {
  const { endsAt: _, ...rest } = record
  return rest
}

/** The same, of a user for whom the provider gave no name. */
function withoutName(its: Grant): Grant {
  const { username: _, ...rest } = its
  return rest
}
