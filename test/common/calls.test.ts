import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createSharedCalls, createTurns, onceATurn } from '../../src/common/calls.ts'

/** Calls that end when they are told to. */
function someCalls() {
  const begun: PromiseWithResolvers<number>[] = []
  const begin = () => {
    const call = Promise.withResolvers<number>()
    begun.push(call)
    return call.promise
  }
  return { begun, begin }
}

t.test('those who join share the call under way, failures included', async t => {
  const { begun, begin } = someCalls()
  const calls = createSharedCalls<string, number>()
  const both = [calls.join('a', begin), calls.join('a', begin)]
  void calls.join('b', begin)
  t.equal(begun.length, 2)
  begun[0]?.reject(new Error('no'))
  for (const each of both) await t.rejects(each, { message: 'no' })
  void calls.join('a', begin)
  t.equal(begun.length, 3, 'a failure is not kept')
})

t.test('a result is given to those who come late for as long as it stays', async t => {
  const { begun, begin } = someCalls()
  const calls = createSharedCalls<string, number>(result => (result === 1 ? 60_000 : 0))
  const first = calls.join('a', begin)
  begun[0]?.resolve(1)
  await first
  t.equal(await calls.join('a', begin), 1)
  t.equal(begun.length, 1)

  const after = calls.after('a', begin)
  t.equal(begun.length, 2, 'a call that must begin now is not given it')
  begun[1]?.resolve(2)
  t.equal(await after, 2)
  void calls.join('a', begin)
  t.equal(begun.length, 3, 'and what has been found since replaces it')
})

t.test('a call that must begin after now waits for the one under way, and is shared', async t => {
  const { begun, begin } = someCalls()
  const calls = createSharedCalls<string, number>()
  const first = calls.after('a', begin)
  const later = [calls.after('a', begin), calls.after('a', begin)]
  t.equal(begun.length, 1)
  begun[0]?.reject(new Error('no'))
  await t.rejects(first, { message: 'no' })
  t.equal(begun.length, 2, 'the failure before is not theirs')
  const joined = calls.join('a', begin)
  t.equal(begun.length, 2, 'nothing begins beside it')
  begun[1]?.resolve(7)
  t.strictSame(await Promise.all([...later, joined]), [7, 7, 7])
})

t.test('all who call within one turn share a run that begins at its end', async t => {
  let runs = 0
  const run = onceATurn(async () => void (runs += 1))
  const both = [run(), run()]
  t.equal(runs, 0)
  await Promise.all(both)
  t.equal(runs, 1)
  await turn()
  await run()
  t.equal(runs, 2)
})

t.test('those who are about the same thing wait for each other, failures included', async t => {
  const turns = createTurns()
  const order: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.take('a', async () => {
    await gate.promise
    order.push('first')
    throw new Error('first')
  })
  const second = turns.take('a', async () => void order.push('second'))
  await turns.take('b', async () => void order.push('other'))
  gate.resolve()
  await t.rejects(first, { message: 'first' })
  await second
  t.strictSame(order, ['other', 'first', 'second'])
})
