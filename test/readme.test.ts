import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const read = (path: string) => readFileSync(join(import.meta.dirname, '..', path), 'utf8')

t.test('README begins with one command that starts the demo, and one that runs the tests', async t => {
  const commands = read('README.md').match(/^npm ci && .*$/gm)
  t.strictSame(commands?.slice(0, 2), ['npm ci && npm start', 'npm ci && npm test'])
})

t.test('what is run for every change is the second command of README, word for word', async t => {
  t.equal(read('.ci/run').trimEnd().split('\n').at(-1), 'npm ci && npm test')
})
