import t from 'tap'
import { createTokenKeeper } from '../../src/administration/tokens.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import type { PasswordId } from '../../src/gateway/names.ts'

const key = Buffer.alloc(32, 7)

t.test(
  'a token that was mistyped or guessed reads nothing, and an unknown one costs what a known one costs',
  async t => {
    const looked: PasswordId[] = []
    const { password, id, mac } = createGeneratedPasswords(key, 'aga_').make()
    const stored = { id, mac, name: 'robot', scope: 'read', addedAt: 0, actor: 'cli:root' } as const
    const keeper = createTokenKeeper(key, {
      async find(id) {
        looked.push(id)
        return id === stored.id ? stored : undefined
      },
    })
    const text = password.reveal()
    t.equal(await keeper.find(text, 0), stored)
    looked.length = 0
    for (const wrong of [
      '',
      'x',
      'aga_',
      `${text}x`,
      text.slice(0, -1),
      text.toUpperCase(),
      text.replace('aga_', 'agp_'),
    ])
      t.equal(await keeper.find(wrong, 0), undefined, wrong)
    t.strictSame(looked, [], 'nothing is looked up')

    const unknown = keeper.make().password.reveal()
    t.equal(await keeper.find(unknown, 0), undefined)
    t.equal(looked.length, 1, 'and it is compared with what no token is')
    // The right public part with other random characters, as after a theft of the list of tokens.
    const other = createGeneratedPasswords(Buffer.alloc(32, 8), 'aga_').make().password.reveal()
    t.equal(await keeper.find(text.slice(0, 14) + other.slice(14), 0), undefined)
  },
)

t.test('a token ends at its end', async t => {
  const { password, id, mac } = createGeneratedPasswords(key, 'aga_').make()
  const stored = {
    id,
    mac,
    name: 'robot',
    scope: 'read',
    addedAt: 0,
    actor: 'cli:root',
    endsAt: 1000,
  } as const
  const keeper = createTokenKeeper(key, { find: async () => stored })
  t.equal(await keeper.find(password.reveal(), 999), stored)
  t.equal(await keeper.find(password.reveal(), 1000), undefined)
})
