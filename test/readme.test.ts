import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from './support/directory.ts'
import { checkout } from './support/program.ts'
import { run } from './support/run.ts'

const read = (path: string) => readFileSync(join(checkout, path), 'utf8')
const allTests = 'npm ci && npm run test:setup && npm test'

t.test('README begins with one command that starts the demo, and one that runs the tests', async t => {
  const commands = read('README.md').match(/^npm ci && .*$/gm)
  t.strictSame(commands?.slice(0, 2), ['npm ci && npm start', allTests])
})

t.test('what is run for every change is the second command of README, word for word', async t => {
  t.equal(read('.ci/run').trimEnd().split('\n').at(-1), allTests)
})

t.test('npm test installs nothing: it names what is missing, and the command that installs it', async t => {
  const directory = temporaryDirectory(t)
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  for (const each of ['bash', 'dirname', 'sort']) symlinkSync(await whereIs(each), join(bin, each))
  const called = join(directory, 'called')
  for (const each of ['apt-get', 'sudo'])
    writeFileSync(join(bin, each), `#!/bin/sh\necho "$0" > ${called}\n`, { mode: 0o755 })

  const { code, stdout, stderr } = await run('bash', [join(checkout, 'test/run')], {
    cwd: checkout,
    env: { PATH: bin },
  })
  t.equal(code, 1)
  t.equal(stdout, '', 'no test was begun')
  t.match(stderr, /missing: .*\bchromium\b.*\bredis-server\b/)
  t.match(stderr, 'npm run test:setup')
  t.notOk(existsSync(called), 'nothing was installed')
})

async function whereIs(program: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', `command -v ${program}`], { cwd: checkout, env: process.env })
  return stdout.trim()
}
