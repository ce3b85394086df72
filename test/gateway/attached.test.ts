import { inspect } from 'node:util'
import t from 'tap'
import { attached } from '../../src/gateway/attached.ts'
import { wholeCollections } from '../support/whole-collections.ts'

interface Owner {
  readonly name: string
}

t.test('a value is found by its object, and replaced', async t => {
  const kept = attached<Owner, number>()
  const [one, other] = [{ name: 'one' }, { name: 'one' }]
  t.equal(kept.get(one), undefined)
  kept.set(one, 1)
  kept.set(one, 2)
  t.equal(kept.get(one), 2)
  t.equal(kept.get(other), undefined, 'an equal object is another one')
})

t.test('modules that keep values with the same object see only their own', async t => {
  const [texts, numbers] = [attached<Owner, string>(), attached<Owner, number>()]
  const owner = { name: 'both' }
  texts.set(owner, 'a text')
  t.equal(numbers.get(owner), undefined)
  numbers.set(owner, 3)
  t.strictSame([texts.get(owner), numbers.get(owner)], ['a text', 3])
})

t.test('the object looks as before, and so do its copies', async t => {
  const kept = attached<Owner, string>()
  const owner = { name: 'plain' }
  kept.set(owner, 'kept')
  t.strictSame(Reflect.ownKeys(owner), ['name'])
  t.equal(JSON.stringify(owner), '{"name":"plain"}')
  t.equal(inspect(owner, { showHidden: true }), "{ name: 'plain' }")
  t.equal(kept.get({ ...owner }), undefined)
  t.equal(kept.get(structuredClone(owner)), undefined)
})

t.test(
  'what is kept with the objects of requests does not grow old, even if it leads back to them',
  async t => {
    const module = JSON.stringify(new URL('../../src/gateway/attached.ts', import.meta.url).href)
    const whole = await wholeCollections(`
    const { attached } = await import(${module})
    const kept = Array.from({ length: 6 }, () => attached())
    await count(async turns => {
      for (let each = 0; each < turns * 50; each += 1) {
        if (each % 50 === 0) await turn()
        const owner = { name: 'user' + each }
        for (const one of kept) one.set(owner, { owner, room: new Array(20).fill(each) })
      }
    })
  `)
    t.ok(whole <= 1, `${whole} collections of the whole heap`)
  },
)
