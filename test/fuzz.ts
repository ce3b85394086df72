// npm run fuzz [-- MINUTES]: tries the properties of the suite with a hundred times as many inputs, again and again with
// other seeds, until the minutes are over (10 by default) or one fails. What failed, and the seed that repeats it, stand
// in the output. Ctrl-C ends it at once.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const root = join(import.meta.dirname, '..')
const minutes = Number(process.argv[2] ?? 10)
if (!(minutes > 0)) {
  process.stderr.write('How many minutes? For example: npm run fuzz -- 60\n')
  process.exit(2)
}

const files = readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && entry.name.endsWith('.test.ts'))
  .map(entry => relative(root, join(entry.parentPath, entry.name)))
  .filter(path => /\bruns\(\d/.test(readFileSync(join(root, path), 'utf8')))

const until = Date.now() + minutes * 60_000
for (let round = 1; Date.now() < until; round++) {
  for (const file of files) {
    if (Date.now() >= until) break
    const began = Date.now()
    const env = { ...process.env, ALTGATE_FUZZ: '100' }
    const tap = join(root, 'node_modules/.bin/tap')
    const words = ['--disable-coverage', '--reporter=tap', '--timeout=3600', file]
    const { status, signal, stdout } = spawnSync(tap, words, { cwd: root, env, encoding: 'utf8' })
    if (signal === 'SIGINT') process.exit(130)
    process.stdout.write(`round ${round}  ${file}  ${((Date.now() - began) / 1000).toFixed(1)} s\n`)
    if (status === 0) continue
    process.stdout.write(stdout)
    process.exit(1)
  }
}
process.stdout.write(`${files.length} files of properties held for ${minutes} minutes.\n`)
