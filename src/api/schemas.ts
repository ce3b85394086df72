/** A JSON Schema (2020-12, which OpenAPI 3.1 uses). */
export type Schema = Readonly<Record<string, unknown>>

const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more })
const flag = (description: string): Schema => ({ type: 'boolean', description })
const time = (description: string): Schema => text(description, { format: 'date-time' })
const list = (items: Schema, description = 'In order.'): Schema => ({ type: 'array', items, description })

/** An object of these members and no others; a name that ends with `?` may be left out. */
export function object(members: Readonly<Record<string, Schema>>, description?: string): Schema {
  const entries = Object.entries(members)
  const required = entries.filter(([name]) => !name.endsWith('?')).map(([name]) => name)
  return {
    type: 'object',
    ...(description !== undefined && { description }),
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace(/\?$/, ''), schema])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  }
}

export const shared = (name: string): Schema => ({ $ref: `${name}#` })

/** What requests may have. What a text must be is judged where commands judge it, and in the same words. */
export const fields = {
  account: text('The name of an account, such as fabrikam.', { maxLength: 63 }),
  directory: text('The id of a directory: a GUID.', { maxLength: 36 }),
  scope: text('msa, or the id of a directory.', { maxLength: 36 }),
  user: text('A user name, primary or secondary.', { maxLength: 320 }),
  users: { type: 'array', items: text('A user name.', { maxLength: 320 }), minItems: 1, maxItems: 1000 },
  reference: text('The reference that a client was shown.', { maxLength: 64 }),
  comingDay: text('A day in UTC from today on, such as 2027-01-31.', { maxLength: 10 }),
  since: text('Only since then: 2h, 3d, 2027-01-31 or 2027-01-31T08:00:00Z.', { maxLength: 40 }),
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    description: 'Items at most; default: 100.',
  },
  after: text('What `next` of the page before said.', { maxLength: 400 }),
  upstreamAuth: text('A name in upstreamAuthByName of the settings, or default.', { maxLength: 63 }),
  url: text('An http or https address.', { maxLength: 2000 }),
  name: text('A name for users.', { maxLength: 120 }),
  passwordName: text('The name of a generated password.', { maxLength: 64 }),
  now: flag(
    'In an emergency: do not wait for Redis. `certainInSeconds` says when it is in force everywhere.',
  ),
} satisfies Readonly<Record<string, Schema>>

const connection: Schema = {
  type: 'object',
  description: 'What an account signs in with.',
  properties: {
    kind: { type: 'string', enum: ['msa', 'entra'] },
    directoryId: fields.directory,
    directoryName: text('Its name.'),
  },
  required: ['kind'],
  additionalProperties: false,
}

const use = object({ at: time('When.'), from: text('From which address.') }, 'A use.')

const account = object({
  name: fields.account,
  address: text('Its public address.'),
  upstream: text('As it was given.'),
  destination: text('Where its requests go.'),
  'upstreamAuth?': text('The method that it names: in upstreamAuthByName of the settings.'),
  scope: fields.scope,
  connection,
  membersOnly: flag('Whether it is restricted to members.'),
  'planned?': object({ to: connection, on: text('A day in UTC, on which an operator means to move it.') }),
  history: list(
    object({
      connection,
      since: time('Since when.'),
      actor: text('Who connected it.'),
      'bridgedUntil?': time('Until when former credentials count for linked users.'),
      'undo?': flag('It undid a move.'),
    }),
    'Oldest first.',
  ),
})

const credential = {
  scope: fields.scope,
  username: text('The primary user name.'),
  'secondary?': text('The secondary user name.'),
  enabled: flag('Whether it is on.'),
  'disabledBy?': list(
    { type: 'string', enum: ['operator', 'owner', 'liveness', 'unknown'] },
    'Who switched it off.',
  ),
  algorithm: text('How the chosen password is kept; `generated`: none was chosen.'),
  setAt: time('When the password was set.'),
  'lastUsed?': use,
  'signIn?': { type: 'object', description: 'The sign-in with which the gateway acts as the user.' },
  liveness: { type: 'object', description: 'Whether it would be noticed that the user has left.' },
} satisfies Readonly<Record<string, Schema>>

const password = object({
  'name?': text('Its name; the main password has none.'),
  id: text('Its public part.'),
  readOnly: flag('Whether it may only read.'),
  setAt: time('When it was made.'),
  'endsAt?': time('When it ends.'),
  'replacedAt?': time('When another one took its name.'),
  'over?': object({
    cause: { type: 'string', enum: ['past-its-end', 'replaced', 'revoked'] },
    at: time('Since when.'),
  }),
  'client?': text('The OAuth client that it was given to.'),
  'lastUsed?': object({ at: time('When.'), from: text('From where.'), 'tool?': text('By which tool.') }),
})

const refusal = object({
  reference: fields.reference,
  at: time('When.'),
  outcome: text('What the client got, such as refused.'),
  'cause?': text('Why.'),
  'account?': fields.account,
  'scope?': fields.scope,
  'user?': text('The user; unknown names are not kept.'),
  'passwordName?': fields.passwordName,
  from: text('The address of the client.'),
  'tool?': text('The tool.'),
  method: text('The method of the request.'),
  kind: text('What the path is for.'),
})

const explanation = object({
  account: fields.account,
  user: fields.user,
  stations: list(object({ station: text('Which.'), found: text('What was found there.') })),
  outcome: text('The decision.'),
  answer: { type: 'object', description: 'What the client gets, or where the request goes.' },
})

const lineRefused = object({ line: { type: 'integer' }, reason: text('Why it cannot be used.') })

const toolUse = object({
  account: fields.account,
  user: fields.user,
  scope: fields.scope,
  'tool?': text('The product in its user agent.'),
  from: text('From which address or network.'),
  path: text('What the requests were for.'),
  password: object({
    'name?': fields.passwordName,
    generated: flag('Whether it was generated.'),
    'setAt?': time('When it was set.'),
    'ageDays?': { type: 'integer' },
  }),
  firstSeen: time('When it was first seen.'),
  lastSeen: time('When it was last seen.'),
  requests: { type: 'integer', description: 'Since it was first seen.' },
})

const rehearsal = object({
  account: fields.account,
  from: connection,
  to: connection,
  recordedSince: { type: ['string', 'null'], format: 'date-time' },
  requests: { type: 'integer', description: 'That would have been refused.' },
  users: { type: 'integer', description: 'Whose requests they are.' },
  uses: list(
    object({
      user: fields.user,
      'tool?': text('The tool.'),
      path: text('What for.'),
      password: list(text('A password by its name.')),
      from: list(text('An address or network.')),
      requests: { type: 'integer' },
      firstSeen: time('When it was first seen.'),
      lastSeen: time('When it was last seen.'),
      outcome: { type: 'string', enum: ['reset-needed', 'refused'] },
      linked: flag('A bridge would let it through for a while.'),
      toDo: text('What the user has to do.'),
    }),
    'The most frequent first.',
  ),
})

const imported = object({
  scope: fields.scope,
  format: text('How it was sent.'),
  dryRun: flag('Nothing was changed.'),
  imported: { type: 'integer' },
  added: { type: 'integer' },
  replaced: { type: 'integer' },
  kept: { type: 'integer' },
  elsewhere: { type: 'integer', description: 'Lines about other scopes, accounts or directories.' },
  refused: list(lineRefused),
  existing: list(text('A user name.'), 'Users who existed already.'),
  algorithms: { type: 'object', additionalProperties: { type: 'integer' } },
  lines: list(
    object({
      line: { type: 'integer' },
      result: { type: 'string', enum: ['added', 'replaced', 'kept', 'refused'] },
      'user?': fields.user,
      'reason?': text('Why it cannot be used.'),
    }),
    'What became of each line, from 1. Those about something else are left out.',
  ),
  notes: list(text('A sentence.'), 'What the operator has to know.'),
})

/** Either what is known, or why it is not. */
const orUnknown = (schema: Schema): Schema => ({
  anyOf: [schema, object({ unknown: text('Why it is not known.') })],
})

const status: Schema = {
  type: 'object',
  description: 'What the gateway of this machine says of itself, and what the store knows of all.',
  properties: {
    at: time('When.'),
    gateway: { type: 'object', description: 'The gateway of this machine, or why it is unknown.' },
    last10s: { type: 'object', description: 'Its load.' },
    last60s: { type: 'object', description: 'Its load.' },
    hashing: { type: 'object', description: 'Its queue of password hashes.' },
    parts: list({ type: 'object' }, 'What is up or down, and since when.'),
    gateways: orUnknown(list({ type: 'object' }, 'All gateways with the same store.')),
    moves: orUnknown(list({ type: 'object' }, 'The last moves.')),
    refusals: orUnknown(list({ type: 'object' }, 'The last refusals.')),
    certificates: list({ type: 'object' }, 'When they end.'),
    charts: { type: 'object', description: 'Ten minutes.' },
  },
  required: ['at', 'gateway', 'gateways', 'moves', 'refusals', 'certificates'],
  additionalProperties: false,
}

/** What several answers have in common, by name: `components/schemas` of the OpenAPI document. */
export const components: Readonly<Record<string, Schema>> = {
  Problem: object(
    {
      title: text('The status in words.'),
      status: { type: 'integer' },
      code: text('What programs tell it by, such as no-such-account.'),
      detail: text('What happened, and what to do next.'),
      reference: text('The request in the log of the gateway.'),
      'refused?': list(lineRefused, 'Of an import: lines that cannot be used.'),
      'existing?': list(text('A user name.'), 'Of an import: users who exist already.'),
    },
    'RFC 9457.',
  ),
  Done: object(
    {
      done: text('What was done, in a sentence.'),
      'notes?': list(text('A sentence.'), 'What the operator has to know.'),
      'certainInSeconds?': { type: 'integer', description: 'When it is in force in every gateway.' },
    },
    'The change is in force in every gateway, unless `certainInSeconds` says when.',
  ),
  Directory: object({
    id: fields.directory,
    name: text('Its name.'),
    'issuer?': text('Where its users sign in.'),
  }),
  Account: account,
  Members: object({
    account: fields.account,
    membersOnly: flag('Whether it is restricted to members.'),
    members: list(
      object({ scope: fields.scope, username: fields.user, waiting: flag('Has no credential yet.') }),
    ),
  }),
  Credential: object(credential),
  CredentialInFull: object({
    ...credential,
    claimed: flag('Whether its user has claimed it.'),
    accounts: list(
      object({ name: fields.account, 'member?': flag('Whether a member.'), 'lastUsed?': use }),
      'What it opens.',
    ),
    linked: list(object({ scope: fields.scope, 'username?': fields.user }), 'The same person elsewhere.'),
    passwords: list({ $ref: 'Password#' }, 'The generated ones, newest first.'),
  }),
  Password: password,
  NewPassword: object({
    'result?': { type: 'string', enum: ['added', 'reset'] },
    scope: fields.scope,
    username: fields.user,
    'secondary?': fields.user,
    'enabled?': flag('Whether the credential is on.'),
    'name?': fields.passwordName,
    'readOnly?': flag('Whether it may only read.'),
    'endsAt?': time('When it ends.'),
    'oldEndsAt?': time('When the one that it replaces ends.'),
    'password?': text('If the gateway chose it. It is answered only here and now.'),
    notes: list(text('A sentence.'), 'What the operator has to know.'),
  }),
  MovePlan: object({
    account: fields.account,
    from: connection,
    to: connection,
    people: list({ type: 'object' }, 'Users, those that break first.'),
    warnings: list(text('A sentence.'), 'What to do before.'),
  }),
  Change: object({
    revision: { type: 'integer' },
    at: time('When.'),
    actor: text('Who: cli:NAME, api:NAME, console:DIRECTORY/NAME or page:OWNER.'),
    action: text('What.'),
    'account?': fields.account,
    'accounts?': list(fields.account),
    'scope?': fields.scope,
    users: list(text('A user name.')),
  }),
  Refusal: refusal,
  Explanation: explanation,
  ExplainedRefusal: object({
    happened: { $ref: 'Refusal#' },
    'passwords?': list({ $ref: 'Password#' }),
    'now?': { $ref: 'Explanation#' },
  }),
  ToolUse: toolUse,
  Rehearsal: rehearsal,
  Imported: imported,
  Status: status,
  Token: object({
    name: text('The name of the token of this request.'),
    scope: { type: 'string', enum: ['read', 'write'] },
    'endsAt?': time('When it ends.'),
  }),
}

/** A page of a list. */
export function pageOf(name: string): Schema {
  return object({
    items: list({ $ref: `${name}#` }),
    'next?': text('Give it as `after` for the next page. Left out: this is the last one.'),
  })
}

export const optional = <T extends Readonly<Record<string, Schema>>>(members: T): Schema =>
  object(Object.fromEntries(Object.entries(members).map(([name, schema]) => [`${name}?`, schema])))
