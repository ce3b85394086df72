import type { Test } from 'tap'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import { foldUsername, type Instant, type Username } from '../../src/gateway/names.ts'
import type { EndingPassword } from '../../src/gateway/password-ends.ts'
import type { NewPassword } from '../../src/gateway/registry.ts'
import type { Store } from '../../src/store/store.ts'
import { type MakeDatabase, openFresh } from './contract.ts'
import { actor, anna, msa, silently } from './samples.ts'

const generated = createGeneratedPasswords(Buffer.alloc(32, 1))
const day = 24 * 60 * 60 * 1000
const start = Date.UTC(2027, 0, 1)

/** What is due at a time, as `name days`, in all batches. */
async function due({ passwordEnds }: Store, now: Instant): Promise<readonly string[]> {
  return (await dueAt(passwordEnds, now)).map(({ name, days }) => `${name} ${days}`)
}

async function dueAt(ends: Store['passwordEnds'], now: Instant): Promise<readonly EndingPassword[]> {
  const all: EndingPassword[] = []
  for (;;) {
    const batch = await ends.due(now, all.at(-1))
    if (batch.length === 0) return all
    all.push(...batch)
  }
}

async function aStore(t: Test, make: MakeDatabase) {
  const clock = { now: start }
  const store = await openFresh(t, make, () => clock.now)
  const registry = store.registry(silently)
  const add = async (name: string, rest: Partial<NewPassword> = {}, username: Username = anna) => {
    const { id, mac } = generated.make()
    const endsAt = start + 30 * day
    t.equal(
      await registry.addPassword(
        actor,
        msa,
        { username },
        { id, mac, name, readOnly: false, endsAt, ...rest },
      ),
      undefined,
    )
  }
  return { store, registry, add, clock }
}

export async function passwordEndsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('an end is due four times, each once, and only the latest', async t => {
    const { store, add } = await aStore(t, make)
    await add('build')
    const at = (days: number) => start + 30 * day - days * day
    const steps: readonly (readonly [Instant, string[]])[] = [
      [at(14) - 1, []],
      [at(14), ['build 14']],
      [at(8), ['build 14']],
      [at(7), ['build 7']],
      [at(1) - 1, ['build 7']],
      [at(1), ['build 1']],
      [at(0) - 1, ['build 1']],
      [at(0), ['build 0']],
      [at(0) + 13 * day, ['build 0']],
      [at(0) + 14 * day, []],
    ]
    for (const [now, names] of steps) t.strictSame(await due(store, now), names, new Date(now).toISOString())
    const record = async (now: Instant) => {
      for (const each of await dueAt(store.passwordEnds, now)) await store.passwordEnds.announced(each)
    }
    for (const [now, later] of [
      [at(14), at(7) - 1],
      [at(7), at(1) - 1],
      [at(1), at(0) - 1],
      [at(0), at(0) + 13 * day],
    ] as const) {
      t.equal((await due(store, now)).length, 1)
      await record(now)
      t.strictSame(await due(store, later), [])
    }
  })

  await t.test('it says whose password ends, and when', async t => {
    const { store, add } = await aStore(t, make)
    await add('build')
    t.match(await store.passwordEnds.due(start + 20 * day), [
      { scope: msa, username: anna, name: 'build', endsAt: start + 30 * day, days: 14 },
    ])
  })

  await t.test('a step that was recorded late does not undo a later one', async t => {
    const { store, add } = await aStore(t, make)
    await add('build')
    const [early] = await store.passwordEnds.due(start + 16 * day)
    const [late] = await store.passwordEnds.due(start + 30 * day)
    if (early === undefined || late === undefined) return t.fail('nothing is due')
    await store.passwordEnds.announced(late)
    await store.passwordEnds.announced(early)
    t.strictSame(await due(store, start + 30 * day), [])
  })

  await t.test('what was due before the password was made is left out', async t => {
    const { store, add } = await aStore(t, make)
    await add('a day', { endsAt: start + day })
    await add('ten days', { endsAt: start + 10 * day })
    await add('an hour', { endsAt: start + 60 * 60 * 1000 })
    t.strictSame(await due(store, start), [])
    t.strictSame(await due(store, start + 3 * day), ['an hour 0', 'a day 0', 'ten days 7'])
  })

  await t.test(
    'nothing is due of what is revoked, replaced, switched off, renewed by a client, endless or unnamed',
    async t => {
      const { store, registry, add } = await aStore(t, make)
      for (const name of ['kept', 'revoked', 'replaced', 'endless']) await add(name)
      await add('renewed', { client: 'altgate' })
      await registry.revokePasswords(actor, msa, anna, { name: 'revoked' })
      await add('replaced', { replacing: { graceMs: 15 * day }, endsAt: start + 400 * day })
      const { id, mac } = generated.make()
      const endless = { id, mac, name: 'endless', readOnly: false, replacing: { graceMs: 0 } }
      await registry.addPassword(actor, msa, { username: anna }, endless)
      const boris = foldUsername('boris@example.com')
      await add('off', {}, boris)
      await registry.switchCredential(actor, msa, boris, false)
      t.strictSame(await due(store, start + 20 * day), ['kept 14'])
      await registry.switchCredential(actor, msa, boris, true)
      t.strictSame((await due(store, start + 20 * day)).toSorted(), ['kept 14', 'off 14'])
    },
  )

  await t.test('many that end at once come in batches, each once', async t => {
    const { store, add } = await aStore(t, make)
    // A batch is a hundred.
    for (let number = 0; number < 105; number++)
      await add(`p${number % 20}`, {}, foldUsername(`user-${Math.floor(number / 20)}@example.com`))
    const all = await dueAt(store.passwordEnds, start + 20 * day)
    t.equal(all.length, 105)
    t.equal(new Set(all.map(({ id }) => id)).size, 105)
  })
}
