import { createSealing } from '../../../src/delegation/sealing.ts'
import { msaScope, type Owner } from '../../../src/gateway/names.ts'
import { Secret } from '../../../src/gateway/secret.ts'

/** Until when sessions, passwords and codes of the rows count: 2100. */
const late = Date.UTC(2100, 0, 1)
/** When everything in them was made: so late that nothing is ever pruned. */
export const madeAt = Date.UTC(2099, 0, 1)

const north = 'aaaaaaaa-0000-4000-8000-000000000001'
const [annaId, borisId, claraId] = ['subject-anna', 'subject-boris', 'subject-clara']
const owner = 'dddddddd-0000-4000-8000-00000000000a'

/** What opens what the rows hold. */
export const opened = {
  north,
  owner,
  sealingKey: Buffer.alloc(32, 'sealing').toString('base64'),
  refreshToken: 'refresh token of anna',
  /** `anna@example.com` on `contoso`, chosen. */
  anna: 'password of anna',
  /** `boris@example.com` on `fabrikam`, which has moved to the directory; with the secondary name `boris`. */
  boris: 'password of boris',
  /** `clara@example.com` on `fabrikam`: her main one, and one named `laptop`. */
  clara: ['agp_RaMlamhI48I9km1vodBOF8Ubuy9B2Lr9al3yQW', 'agp_LWtcWQXGZ32TW1xDIzYZI2WCRKqV7mxPDdtOn6'],
  passwordKey: 'cGFzc3dvcmRzcGFzc3dvcmRzcGFzc3dvcmRzcGFzc3c=',
} as const

const annasHash =
  '$argon2id$v=19$m=8,t=1,p=1$xKMqrpHDpw8eVsbqTdtNtQ$iComZ739Qa7Hc8FtGgyXNLaKOFTUWNVqx86JgZWKQ8U'
const borisHash =
  '$argon2id$v=19$m=8,t=1,p=1$p1GxOyRazO8E+KeuWKejAg$pd/uyko+s7n3to177WZ2f494cEpxLpTRvFiuDjwenOo'

export type Row = Readonly<Record<string, string | number | null>>

const sealed = createSealing([{ id: 'k1', key: new Secret(opened.sealingKey) }]).seal(
  new Secret(opened.refreshToken),
  {
    refreshOf: {
      scope: msaScope,
      owner: owner as Owner,
      issuer: 'https://login.example.com',
      clientId: 'altgate',
    },
  },
)

const credential = { enabled: 1, set_at: madeAt, owner: null, last_used_at: null, last_used_from: null }
const key = { id: 1, made_at: madeAt, used_from: madeAt }
const password = { subject: claraId, read_only: 0, set_at: madeAt, ends_at: late }

/** Rows for every table, with every column that it has ever had. A schema gets those that it has a place for. */
export const rows: Readonly<Record<string, readonly Row[]>> = {
  directories: [{ id: north, name: 'North', issuer: null, removed_at: null }],
  accounts: [
    { name: 'contoso', upstream: 'https://tfs.example.com/contoso', members_only: 0 },
    {
      name: 'fabrikam',
      upstream: 'https://tfs.example.com/fabrikam',
      members_only: 1,
      upstream_auth: 'tfs',
    },
  ],
  connections: [
    { account: 'contoso', revision: 2, since: madeAt, directory: null, actor: 'cli:root' },
    { account: 'fabrikam', revision: 3, since: madeAt, directory: null, actor: 'cli:root' },
    { account: 'fabrikam', revision: 4, since: madeAt + 1, directory: north, actor: 'cli:root' },
  ],
  credentials: [
    {
      ...credential,
      subject: annaId,
      scope: 'msa',
      username: 'anna@example.com',
      secondary: null,
      hash: annasHash,
      revision: 5,
      owner,
    },
    {
      ...credential,
      subject: borisId,
      scope: north,
      username: 'boris@example.com',
      secondary: 'boris',
      hash: borisHash,
      revision: 6,
      last_used_at: madeAt,
      last_used_from: '192.0.2.1',
    },
    {
      ...credential,
      subject: claraId,
      scope: north,
      username: 'clara@example.com',
      secondary: null,
      hash: '$none$',
      revision: 7,
    },
  ],
  usernames: [
    { scope: 'msa', username: 'anna@example.com', subject: annaId },
    { scope: north, username: 'boris@example.com', subject: borisId },
    { scope: north, username: 'boris', subject: borisId },
    { scope: north, username: 'clara@example.com', subject: claraId },
  ],
  members: [
    { account: 'fabrikam', scope: north, username: 'boris@example.com', subject: borisId },
    { account: 'fabrikam', scope: north, username: 'clara@example.com', subject: claraId },
    { account: 'fabrikam', scope: north, username: 'dora@example.com', subject: null },
  ],
  passwords: [
    { ...password, id: 'RaMlamhI48', mac: '1:S-FrpUC33pm0uT7YNbo1igFwJKC9oF3abPB4tE9aq5k', name: null },
    { ...password, id: 'LWtcWQXGZ3', mac: '1:wdYgVGpPpED1h-HiJRg1qYlVMHhZlmjlMM0mV3SBZTY', name: 'laptop' },
  ],
  account_uses: [{ account: 'contoso', subject: annaId, used_at: madeAt, used_from: '192.0.2.1' }],
  tool_uses: [
    {
      account: 'contoso',
      subject: annaId,
      password: '',
      tool: 'git',
      network: '192.0.2.0/24',
      path: '',
      first_at: madeAt,
      last_at: madeAt,
      requests: 1,
    },
  ],
  planned_moves: [
    { account: 'contoso', directory: north, day: '2099-02-01', since: madeAt, actor: 'cli:root' },
  ],
  move_notices: [{ account: 'contoso', subject: annaId, told_on: '2099-01-01' }],
  links: [
    { scope: 'msa', owner, other_scope: north, other_owner: 'boris-owner', linked_at: madeAt },
    { scope: north, owner: 'boris-owner', other_scope: 'msa', other_owner: owner, linked_at: madeAt },
  ],
  blocked_people: [{ username: 'erna@example.com', at: madeAt, actor: 'cli:root' }],
  grants: [
    {
      scope: 'msa',
      owner,
      issuer: 'https://login.example.com',
      client_id: 'altgate',
      username: 'anna@example.com',
      refresh_token: sealed,
      granted_at: madeAt,
      renewed_at: madeAt,
      checked_at: madeAt,
      version: 1,
    },
  ],
  oauth: [
    { key: 'a-key', of_grant: 'a-grant', user_code: null, data: '{}', used_at: null, expires_at: late },
  ],
  api_tokens: [
    {
      id: 'a-token',
      mac: '1:mac',
      name: 'console',
      scope: 'read',
      actor: 'cli:root',
      added_at: madeAt,
      ends_at: null,
      last_used_at: null,
    },
  ],
  presences: [],
  sessions: [{ id_hash: 'a-session', data: 'what it keeps', expires_at: late }],
  changes: [
    {
      revision: 6,
      token: 'token-6',
      at: madeAt,
      actor: 'cli:root',
      action: 'account-connected',
      account: 'fabrikam',
      usernames: '[]',
    },
    {
      revision: 7,
      token: 'token-7',
      at: madeAt,
      actor: 'cli:root',
      action: 'credential-set',
      account: null,
      scope: north,
      usernames: '["clara@example.com"]',
    },
  ],
  refusals: [
    {
      reference: 'a0a0a0a0a0a0a0a0a0a0a0a0',
      at: madeAt,
      outcome: 'refused',
      account: 'contoso',
      username: 'anna@example.com',
      client: '192.0.2.1',
      facts: '{}',
    },
  ],
  keys: [
    { ...key, name: 'passwords', bytes: opened.passwordKey },
    { ...key, name: 'verdicts', bytes: Buffer.alloc(32, 'verdicts').toString('base64') },
    { ...key, name: 'assertions', bytes: Buffer.alloc(32, 'assertions').toString('base64') },
  ],
  gateways: [{ id: 'a-gateway', host: 'a-host', lease_ms: 1000, number: 7, seen_at: madeAt, canary: 0 }],
  revocations: [{ id: 'a-measurement', microseconds: 5, at: madeAt }],
  turns: [{ work: 'liveness', holder: 'a-gateway', until: madeAt }],
}

const namesKey = { ...key, name: 'names', bytes: Buffer.alloc(32, 'names').toString('base64') }

/** The statements that put the rows into tables with these columns. */
export function insertsInto(tables: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const inserts = Object.entries(rows).flatMap(([table, all]) => {
    const columns = tables.get(table)
    return columns === undefined ? [] : all.map(row => insertInto(table, columns, row))
  })
  // Names have a key of their own since 0015.
  const hasRings = tables.get('keys')?.includes('used_from') === true
  if (hasRings) inserts.push(insertInto('keys', tables.get('keys') ?? [], namesKey))
  const token = tables.get('revision')?.includes('token') ? ", token = 'token-7'" : ''
  return ['delete from keys', ...inserts, `update revision set newest = 7${token}`]
}

function insertInto(table: string, columns: readonly string[], row: Row): string {
  const present = Object.entries(row).filter(([column]) => columns.includes(column))
  const names = present.map(([column]) => column).join(', ')
  const values = present
    .map(([, value]) => (typeof value === 'string' ? `'${value}'` : String(value)))
    .join(', ')
  return `insert into ${table} (${names}) values (${values})`
}
