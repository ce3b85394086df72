import { Argument, type Command, InvalidArgumentError } from 'commander'
import { isoTime } from '../administration/times.ts'
import { Failure } from '../common/failure.ts'
import { countByKey, rotate, type Rotated } from '../delegation/rotation.ts'
import { createSealing } from '../delegation/sealing.ts'
import { type KeyRecord, type RotatedKey, rotatedKeys } from '../gateway/key-ring.ts'
import type { Settings } from '../settings/schema.ts'
import { insistOnYes, isConfirmed } from './confirmation.ts'
import { examples } from './help.ts'
import { clearProgress, moment, note, sayChange, sayJson, sayTable, showProgress } from './say.ts'
import { actor, type Toolbox, type Tools } from './tools.ts'

const aboutList = `
sealing is the keys of the settings (secrets.sealingKeys); the others are in the
store, and all gateways share them:

  passwords    makes and checks generated passwords; each one needs the key that
               has made it for as long as it counts
  assertions   signs what upstreams are told with signed-assertion
  verdicts     seals what Redis holds
  answers      seals answers on their way through nginx, for minutes
  lfs-actions  seals what git-lfs carries back, for hours
  sign-ins     seals sign-ins on the page that are in progress
  names        names users in caches; it stays as long as the store does
  api-tokens   makes and checks tokens of the API; each one needs the key that
               has made it`

const aboutRotate = `
Without a name, or with sealing: seals everything with the first key of
secrets.sealingKeys, so that the others can be removed. Gateways may go on
meanwhile, if they have been reloaded with the new key in front. Ctrl-C is safe:
run it again to go on.

With another name: makes a new key in the store and takes it into use in every
running gateway, without a restart. Every gateway knows the new key before any
uses it, and what the former keys have made still counts, until they are retired.
Assertions are the exception: upstreams have to fetch the new public key first.
The first run publishes it, and a run an hour later takes it into use.`

const aboutRetire = `
Deletes a key that rotate has replaced, in every running gateway. What only that
key has made ends: generated passwords and tokens that have not been replaced
since (keys list counts them) are refused, and links and sign-ins in progress
fail once.`

/** `altgate keys`. */
export function addKeysCommands(program: Command, toolbox: Toolbox): void {
  const keys = program
    .command('keys')
    .description('the keys that seal, sign and make passwords')
    .addHelpText('after', examples('keys list', 'keys rotate passwords'))
  keys
    .command('list')
    .description('show all keys, and what needs each of them')
    .option(
      '--json',
      'print a JSON array of objects: key, id, use; with signIns (sealing), passwords, tokens, madeAt, usedFrom',
    )
    .addHelpText('after', aboutList)
    .addHelpText('after', examples('keys list', 'keys list --json'))
    .action(({ json }: { json?: true }) =>
      toolbox.use(async ({ store }, settings) => {
        const sealing = sealingKeys(settings, await countByKey(store.grants))
        const inStore = await store.keyKeeper.list()
        if (json) return sayJson([...sealing.map(jsonOfSealing), ...inStore.map(jsonOf)])
        if (sealing.length === 0) note('The settings have no sealing key, and nothing is sealed.')
        sayTable(
          ['KEY', 'ID', 'USE', 'SINCE', 'NEEDED BY'],
          [...sealing.map(rowOfSealing), ...inStore.map(rowOf)],
        )
      }),
    )
  keys
    .command('rotate')
    .description('take a new key into use, or seal all sign-ins with the first sealing key')
    .addArgument(new Argument('[NAME]', 'which key').choices(['sealing', ...rotatedKeys]).default('sealing'))
    .option(
      '--json',
      'print a JSON object: key, id, use (current; waiting: published only, until usableFrom); of sealing: key, id, resealed, lost, left',
    )
    .addHelpText('after', aboutRotate)
    .addHelpText('after', examples('keys rotate', 'keys rotate passwords'))
    .action((name: 'sealing' | RotatedKey, { json }: { readonly json?: true }) =>
      toolbox.use(async ({ store }, settings) => {
        if (name === 'sealing') await reseal(store.grants, settings, json)
        else await rotateInStore(store.keyKeeper, name, json)
      }),
    )
  keys
    .command('retire')
    .description('delete a key that rotate has replaced')
    .addArgument(new Argument('<NAME>', 'which key').choices(rotatedKeys))
    .argument('<ID>', 'its number, as keys list shows it', keyId)
    .option('--yes', 'do not ask for confirmation')
    .option('--json', 'print a JSON object: result (retired), key, id')
    .addHelpText('after', aboutRetire)
    .addHelpText('after', examples('keys retire verdicts 1', 'keys retire passwords 1 --yes'))
    .action((name: RotatedKey, id: number, options: RetireOptions, command: Command) => {
      insistOnYes(options, command)
      return toolbox.use(({ store }) => retire(store, name, id, options))
    })
}

interface RetireOptions {
  readonly yes?: true
  readonly json?: true
}

function keyId(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('A key has a number, such as 1.')
}

interface SealingKey {
  readonly id: string
  /** What the settings say of it. */
  readonly use: 'seals' | 'opens' | 'missing'
  readonly signIns: number
}

/** The keys of the settings in their order, then those that only the store knows. */
function sealingKeys({ secrets }: Settings, counts: ReadonlyMap<string, number>): readonly SealingKey[] {
  const known = secrets.sealingKeys.map(({ id }) => id)
  const missing = [...counts.keys()].filter(id => !known.includes(id)).sort()
  return [
    ...known.map(
      (id, at) => ({ id, use: at === 0 ? 'seals' : 'opens', signIns: counts.get(id) ?? 0 }) as const,
    ),
    ...missing.map(id => ({ id, use: 'missing', signIns: counts.get(id) ?? 0 }) as const),
  ]
}

const sealingUses: Readonly<Record<SealingKey['use'], string>> = {
  seals: 'seals and opens',
  opens: 'opens',
  missing: 'not in the settings',
}

const uses: Readonly<Record<KeyRecord['use'], string>> = {
  waiting: 'known, not used yet',
  current: 'in use',
  former: 'checks only',
}

function rowOfSealing({ id, use, signIns }: SealingKey): readonly string[] {
  const lost = use === 'missing' && signIns > 0 ? ': these users have to sign in again' : ''
  return ['sealing', id, sealingUses[use], '-', `${countText(signIns, 'sign-in')}${lost}`]
}

function rowOf({ name, id, use, usedFrom, ...needing }: KeyRecord): readonly string[] {
  const needed = neededBy(needing)
  return [name, `${id}`, uses[use], usedFrom === undefined ? '-' : moment(usedFrom), needed]
}

function neededBy({ passwords, tokens }: Pick<KeyRecord, 'passwords' | 'tokens'>): string {
  if (passwords !== undefined) return countText(passwords, 'password')
  return tokens === undefined ? '-' : countText(tokens, 'token')
}

function jsonOfSealing({ id, use, signIns }: SealingKey): object {
  return { key: 'sealing', id, use, signIns }
}

function jsonOf({ name, madeAt, usedFrom, ...rest }: KeyRecord): object {
  return {
    key: name,
    ...rest,
    ...(madeAt !== undefined && { madeAt: isoTime(madeAt) }),
    ...(usedFrom !== undefined && { usedFrom: isoTime(usedFrom) }),
  }
}

function countText(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`
}

type Store = Tools['store']

async function reseal(grants: Store['grants'], { secrets }: Settings, json: true | undefined): Promise<void> {
  if (secrets.sealingKeys.length === 0)
    throw new Failure('The settings have no sealing key. Add one: secrets.sealingKeys')
  const { active } = await grants.count()
  const sealing = createSealing(secrets.sealingKeys)
  try {
    report(await rotate(grants, sealing, showProgress(active, 100)), sealing.first, json)
  } finally {
    clearProgress()
  }
}

/** Throws `Failure` if something is not sealed with the first key: removing the others would lose it. */
function report({ resealed, lost, left }: Rotated, first: string, json: true | undefined): void {
  clearProgress()
  const sealed = resealed === 1 ? '1 sign-in was' : `${resealed} sign-ins were`
  const change = { key: 'sealing', id: first, resealed, lost, left }
  sayChange(json, `${sealed} sealed with the key ${first}.`, change)
  if (left > 0)
    throw new Failure(
      'Gateways still seal with another key. Put the new key in front in the settings of all of them, reload them (altgate reload), then run the command again.',
    )
  if (lost > 0)
    throw new Failure(
      `${lost} are sealed with keys that the settings do not have (altgate keys list). Put the keys back and run the command again, or these users have to sign in again.`,
    )
}

/** Milliseconds for which upstreams may keep the key set: its `max-age` (`server/server.ts`). */
const publishedMs = 60 * 60 * 1000

async function rotateInStore(
  keys: Store['keyKeeper'],
  name: RotatedKey,
  json: true | undefined,
): Promise<void> {
  const id = await keys.add(actor(), name)
  const { madeAt = 0 } = (await keys.list()).find(key => key.name === name && key.id === id) ?? {}
  const left = name === 'assertions' ? madeAt + publishedMs - Date.now() : 0
  const usableFrom = madeAt + publishedMs
  if (left > 0)
    return sayChange(
      json,
      `Key ${id} of assertions is published. When upstreams have fetched it, at the earliest on ${moment(usableFrom)}, run the command again: then it signs.`,
      { key: name, id, use: 'waiting', usableFrom: isoTime(usableFrom) },
    )
  await keys.use(actor(), name, id)
  sayChange(
    json,
    `Key ${id} of ${name} is in use, in every running gateway. What former keys have made still counts: altgate keys list`,
    { key: name, id, use: 'current' },
  )
}

async function retire(
  { keyKeeper: keys }: Store,
  name: RotatedKey,
  id: number,
  { yes, json }: RetireOptions,
): Promise<void> {
  const key = (await keys.list()).find(each => each.name === name && each.id === id)
  if (key === undefined)
    throw new Failure(`There is no key ${id} of ${name}. List all keys: altgate keys list`)
  if (key.use !== 'former')
    throw new Failure(
      `Key ${id} of ${name} is not a former one. Replace it first: altgate keys rotate ${name}`,
    )
  for (const line of lossOf(key)) note(line)
  if (!yes && !(await isConfirmed(`Retire key ${id} of ${name}?`))) throw new Failure('Nothing was changed.')
  if (!(await keys.retire(actor(), name, id))) throw new Failure('It has been retired meanwhile.')
  sayChange(json, `Key ${id} of ${name} is retired, in every running gateway.`, {
    result: 'retired',
    key: name,
    id,
  })
}

/** What ends with a key. */
function lossOf({ name, id, passwords = 0, tokens = 0 }: KeyRecord): readonly string[] {
  switch (name) {
    case 'api-tokens':
      return [
        tokens === 0 ? 'No token needs it.' : `${countText(tokens, 'token')} will be refused from then on.`,
      ]
    case 'passwords':
      return [
        passwords === 0
          ? 'No generated password needs it.'
          : `${countText(passwords, 'generated password')} will be refused from then on.`,
        // They are stored as password hashes, like chosen ones.
        ...(id === 1
          ? [
              'Generated passwords of 32 characters (agp_ and 28 more) that were not used since version 0.1.0 cannot be counted. They end, too.',
            ]
          : []),
      ]
    case 'assertions':
      return ['Upstreams refuse assertions that it has signed; each is valid for a minute.']
    case 'lfs-actions':
      return ['Transfers by git-lfs that have just begun may have to be started again.']
    case 'sign-ins':
      return ['Users who are just signing in have to begin again.']
    default:
      return []
  }
}
