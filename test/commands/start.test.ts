import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { checkout } from '../support/program.ts'
import { run } from '../support/run.ts'

const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
  readonly version: string
}

t.test('in a checkout both ways to call it work', async t => {
  for (const [program, ...words] of [
    ['npx', 'altgate', '--version'],
    ['npm', 'run', '-s', 'altgate', '--', '--version'],
  ] as const) {
    const { code, stdout } = await run(program, words, { cwd: checkout })
    t.same({ code, stdout }, { code: 0, stdout: `${version}\n` }, program)
  }
})

t.test('a Node that is too old says what to do, in one sentence', async t => {
  // Any Node can stand for an old one: the file decides by what it is told of itself, before anything is imported.
  const pretend = join(temporaryDirectory(t), 'pretend.mjs')
  for (const [old, fit] of [
    ['20.20.2', false],
    ['24.14.9', false],
    ['25.9.0', false],
    ['24.15.0', true],
    ['26.0.0', true],
  ] as const) {
    writeFileSync(pretend, `Object.defineProperty(process.versions, 'node', { value: '${old}' })`)
    const words = ['--import', pretend, join(checkout, 'src/altgate.js'), '--version']
    const { code, stdout, stderr } = await run(process.execPath, words)
    if (fit) t.same({ code, stdout, stderr }, { code: 0, stdout: `${version}\n`, stderr: '' }, old)
    else {
      t.equal(code, 1, old)
      t.match(
        stderr,
        new RegExp(
          `^altgate needs Node 24.15 or newer.*, this is ${old}. In a checkout run: npm run -s altgate -- …\n$`,
        ),
      )
    }
  }
})
