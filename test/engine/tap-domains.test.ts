import t from 'tap'
import { checkout } from '../support/program.ts'
import { run } from '../support/run.ts'

// What link-packages.mjs puts in the place of a package of tap's.

/** The failures that a file with these tests reports, without their times. */
async function failuresOf(script: string): Promise<readonly string[]> {
  const words = ['--input-type=module', '--eval', `import t from 'tap'\n${script}`]
  const { stdout } = await run(process.execPath, words, { cwd: checkout, env: process.env })
  return stdout.split('\n').flatMap(line => /^ *not ok .*?(?= #|$)/.exec(line) ?? [])
}

const pause = 'await new Promise(resolve => setTimeout(resolve, 200))'

const uncaught: Readonly<Record<string, string>> = {
  'in a timer': `setTimeout(() => { throw new Error('in a timer') }, 1)`,
  'in a promise': `void (async () => { await 1; throw new Error('in a promise') })()`,
  'in a server': `
    const { createServer } = await import('node:http')
    const server = createServer(() => { throw new Error('in a server') }).listen(0)
    t.teardown(() => server.closeAllConnections(server.close()))
    await new Promise(resolve => server.once('listening', resolve))
    void fetch('http://127.0.0.1:' + server.address().port).catch(() => {})`,
}

for (const [where, code] of Object.entries(uncaught))
  t.test(`an error ${where} that no code catches fails the test whose code threw it`, async t => {
    const failures = await failuresOf(`
      t.test('around', async t => {
        await t.test('within', async t => {
          ${code}
          ${pause}
        })
      })`)
    t.equal(failures[0], `        not ok 1 - ${where}`)
    t.equal(failures[1], '    not ok 1 - within')
  })

t.test('one that comes when its test has ended fails the file', async t => {
  const failures = await failuresOf(`
    t.test('gone', async t => {
      setTimeout(() => { throw new Error('too late') }, 20)
      t.pass('fine')
    })
    t.test('next', async t => { ${pause} })`)
  t.ok(failures.length > 0)
})
