import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { areThere, proofsIn, type Proof } from './support/proofs.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Promised {
  readonly number: number
  readonly cells: readonly string[]
  /** What stands in the last cell: a file, and the name of a test in it. */
  readonly proofs: readonly Proof[]
}

const table: readonly Promised[] = read('docs/clients.md')
  .split('\n')
  .filter(line => /^\| \d/.test(line))
  .map(line => {
    const cells = line.split('|').slice(1, -1)
    return {
      number: Number(cells[0]),
      cells: cells.map(cell => cell.trim()),
      proofs: proofsIn(cells[3] ?? ''),
    }
  })

t.test('the table has every promise once, in order, and no empty cell', async t => {
  t.strictSame(
    table.map(({ number }) => number),
    Array.from({ length: 58 }, (_, at) => at + 1),
  )
  for (const { number, cells } of table) {
    t.equal(cells.length, 4, `${number} has four cells`)
    for (const cell of cells) t.ok(cell.length > 0, `${number} has an empty cell`)
  }
})

t.test('each promise names tests that there are', async t => {
  for (const { number, proofs } of table) areThere(t, String(number), proofs)
})

t.test('each file and each decision that the table names is there', async t => {
  const decisions = readdirSync(join(root, 'docs/adr')).map(name => name.slice(0, 4))
  for (const { number, cells } of table) {
    const [, , made = ''] = cells
    for (const [, file = ''] of made.matchAll(/`(src\/[^`]+)`/g))
      t.ok(existsSync(join(root, file)), `${number}: ${file}`)
    for (const [, decision = ''] of made.matchAll(/ADR (\d+)/g))
      t.ok(decisions.includes(decision), `${number}: ADR ${decision}`)
  }
})
