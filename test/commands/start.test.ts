import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { altgate, checkout } from '../support/program.ts'
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

t.test(
  'what is no failure, outage or misuse is a bug, told with its stack and without its fields',
  async t => {
    const pretend = join(temporaryDirectory(t), 'pretend.mjs')
    const bug = `export async function openTools() {
    throw Object.assign(new TypeError('wrong', { cause: new Error('deeper') }), { command: 'canary' })
  }`
    writeFileSync(
      pretend,
      `import { registerHooks } from 'node:module'
    registerHooks({
      load: (url, context, next) =>
        url.endsWith('/src/tools.ts')
          ? { format: 'module', shortCircuit: true, source: ${JSON.stringify(bug)} }
          : next(url, context),
    })`,
    )
    const words = ['--import', pretend, join(checkout, 'src/altgate.js'), 'account', 'list']
    const { code, stdout, stderr } = await run(process.execPath, words)
    t.same({ code, stdout }, { code: 1, stdout: '' })
    t.match(stderr, /^altgate: this is a bug in Altgate\. Report it .*\nTypeError: wrong\n {4}at openTools/)
    t.match(stderr, /\ncaused by Error: deeper\n {4}at /)
    t.notMatch(stderr, 'canary')
  },
)

t.test(
  'a file that the settings name and that is missing is a sentence, before any worker starts',
  async t => {
    const env = {
      ...process.env,
      ALTGATE__STORE__URL: `sqlite:${join(temporaryDirectory(t), 'altgate.db')}`,
      ALTGATE__OPERATIONS__PORT: '0',
      ALTGATE__UPSTREAM__CAFILE: '/nowhere/ca.pem',
    }
    const { code, stdout, stderr } = await altgate(['serve'], env)
    t.match(
      { code, stderr },
      {
        code: 78,
        stderr:
          'altgate: the settings are refused:\n  upstream.caFile: /nowhere/ca.pem cannot be read: there is no such file\n',
      },
    )
    t.equal(stdout, '')
  },
)
