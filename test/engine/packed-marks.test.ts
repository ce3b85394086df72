import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createPackedMarks } from '../../src/engine/packed-marks.ts'

const nameOf = () => randomBytes(32).toString('base64url')
const digestOf = () => randomBytes(9).toString('base64url')

t.test('a mark is what was set last under its name', async t => {
  const marks = createPackedMarks()
  const [one, other] = [nameOf(), nameOf()]
  t.equal(marks.get(one), undefined)
  const mark = { digest: digestOf(), until: 1_764_300_000_123.5 }
  marks.set(one, mark)
  t.strictSame(marks.get(one), mark)
  t.equal(marks.get(other), undefined)
  const later = { digest: digestOf(), until: 2_000_000_000_000 }
  marks.set(one, later)
  t.strictSame(marks.get(one), later)
})

t.test('names that differ late in what is kept of them are two', async t => {
  const marks = createPackedMarks()
  const name = nameOf()
  const similar = name.slice(0, 15) + (name[15] === 'A' ? 'B' : 'A') + name.slice(16)
  marks.set(name, { digest: digestOf(), until: 1 })
  t.equal(marks.get(similar), undefined)
})

t.test('100,000 marks are kept', async t => {
  const marks = createPackedMarks()
  const all = Array.from(
    { length: 100_000 },
    (_, at) => [nameOf(), { digest: digestOf(), until: at + 1 }] as const,
  )
  for (const [name, mark] of all) marks.set(name, mark)
  const right = all.filter(([name, { digest }]) => marks.get(name)?.digest === digest)
  t.equal(right.length, all.length)
})

t.test('where there is no room, a mark that was not asked for gives way', async t => {
  const marks = createPackedMarks(8)
  const names = Array.from({ length: 8 }, nameOf)
  const mark = (until: number) => ({ digest: digestOf(), until })
  for (const [at, name] of names.entries()) marks.set(name, mark(at))
  for (const [at, name] of names.entries()) if (at !== 3) t.equal(marks.get(name)?.until, at)
  const late = nameOf()
  marks.set(late, mark(8))
  t.equal(marks.get(names[3] ?? ''), undefined)
  for (const [at, name] of [...names, late].entries()) if (at !== 3) t.equal(marks.get(name)?.until, at)
})

t.test('what cannot be kept whole is not kept', async t => {
  const marks = createPackedMarks()
  t.throws(() => marks.set('short', { digest: digestOf(), until: 1 }))
  const name = nameOf()
  t.throws(() => marks.set(name, { digest: 'short', until: 1 }))
  t.equal(marks.get(name), undefined)
})
