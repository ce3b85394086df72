import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { altgate, altgateProcess, checkout } from '../support/program.ts'
import type { Ran } from '../support/run.ts'
import { aDesk, contosoId } from './desk.ts'

// Most tests run commands in their own process. Here each command also runs as users run it: it prints the same, with
// the same exit code, and its process ends by itself.

const annas = ['--scope', 'msa', '--user', 'anna@example.com']
const password = 'a long enough password\n'

/** In this order, where there is no store at first: the exit code, the words, and what is typed. */
const commands: readonly (readonly [code: number, words: readonly string[], stdin?: string])[] = [
  [1, ['account', 'list']],
  [0, ['store', 'init']],
  [0, ['directory', 'add', contosoId, '--name', 'Contoso Ltd']],
  [0, ['account', 'add', 'contoso', '--upstream', 'http://contoso.example/grün']],
  [2, ['account', 'add', 'contoso']],
  [0, ['credential', 'set', ...annas], password],
  [0, ['credential', 'import', 'FOLDER/users.csv', '--scope', 'msa']],
  [0, ['credential', 'list', '--scope', 'msa', '--json']],
  [0, ['explain', '--account', 'contoso', '--user', 'anna@example.com'], password],
  [0, ['account', 'connect', 'contoso', '--directory', contosoId]],
  [0, ['move', 'plan', '--account', 'contoso', '--to', 'msa']],
  [0, ['person', 'block', '--user', 'anna@example.com', '--yes']],
  [0, ['session', 'revoke', '--all', '--yes']],
  [0, ['token', 'list']],
  [0, ['history']],
  [0, ['recent']],
  [0, ['keys', 'list']],
  [1, ['reload']],
  [0, ['settings']],
  [0, ['completion', 'bash']],
]

/** All that is printed, where both must say the same: without the time and the folder. */
function comparable(folder: string, text: string): string {
  return text.replaceAll(folder, 'FOLDER').replaceAll(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+Z)?/g, 'TIME')
}

t.test('a command in a process of its own says what it says in the process of a test', async t => {
  const run = async (start: typeof altgate) => {
    const { directory, env } = aDesk(t, { ALTGATE__OPERATIONS__PORT: '1' }, { isMade: false })
    writeFileSync(
      join(directory, 'users.csv'),
      'username,hash\nben@example.com,{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n',
    )
    const all: Ran[] = []
    for (const [, words, stdin = ''] of commands) {
      const { code, stdout, stderr } = await start(
        words.map(word => word.replace('FOLDER', directory)),
        env,
        { stdin },
      )
      all.push({ code, stdout: comparable(directory, stdout), stderr: comparable(directory, stderr) })
    }
    return all
  }
  const [here, there] = await Promise.all([run(altgate), run(altgateProcess)])
  t.same(here, there)
  t.same(
    there.map(({ code }) => code),
    commands.map(([code]) => code),
  )
})

t.test('a command loads few modules, which is what takes most of its time', async t => {
  const { env } = aDesk(t, {}, { isMade: false })
  t.equal((await altgate(['store', 'init'], env)).code, 0)
  const counter = pathToFileURL(join(checkout, 'test/support/module-count.ts')).href
  for (const words of ['account list', 'credential list --scope msa', 'history', '--help']) {
    const { code, stderr } = await altgateProcess(words.split(' '), {
      ...env,
      NODE_OPTIONS: `--import=${counter}`,
    })
    const modules = Number(/^modules: (\d+)$/m.exec(stderr)?.[1])
    t.equal(code, 0, stderr)
    t.ok(modules < 200, `${words}: ${modules}; npm run prepare makes one of those of a package`)
  }
})
