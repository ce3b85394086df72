import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkout } from './support/program.ts'
import { areThere, proofsIn } from './support/proofs.ts'

t.test('each published hole of docs/security.md names tests that there are', async t => {
  const [, table = ''] = readFileSync(join(checkout, 'docs/security.md'), 'utf8').split(
    '## Published vulnerabilities',
  )
  const rows = table.split('\n').filter(line => /^\| (?:CVE|GHSA)-/.test(line))
  t.ok(rows.length >= 40, `${rows.length} rows`)
  for (const row of rows) {
    const [published = '', , proof = ''] = row.split('|').slice(1, -1)
    areThere(t, published.trim(), proofsIn(proof))
  }
})
