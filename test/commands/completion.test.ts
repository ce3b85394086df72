import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { altgate } from '../support/program.ts'
import { run } from '../support/run.ts'

/** Words as typed, and what must and must not be offered for the last of them. */
const typed: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['altgate acc', ['account'], ['check']],
  ['altgate account ', ['add', 'list'], ['serve', '--upstream']],
  ['altgate account --c', ['--config'], []],
  ['altgate account add --up', ['--upstream'], ['--issuer']],
  ['altgate --config a.yaml account add --up', ['--upstream'], []],
  ['altgate credential password ', ['add', 'revoke'], ['import']],
  ['altgate completion ', ['bash', 'zsh', 'fish'], []],
  // An option of this name takes a value in another command.
  ['altgate history --json --us', ['--user'], []],
  ['altgate --config account ', ['account'], ['add']],
  ['altgate account set --rename list --up', ['--upstream'], []],
]

/** How each shell is asked what it would offer, without a terminal. */
const shells = {
  bash: (line: string) =>
    `source ./script; COMP_WORDS=(${words(line)}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _altgate; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (line: string) =>
    `compdef() { : }; source ./script; _describe() { print -rl -- "\${(@P)2}" }; words=(${words(line)}); CURRENT=$#words; _altgate`,
  fish: (line: string) => `source ./script; complete -C ${JSON.stringify(line)}`,
} as const

function words(line: string): string {
  return line
    .split(' ')
    .map(word => `'${word}'`)
    .join(' ')
}

for (const [shell, asking] of Object.entries(shells))
  t.test(`${shell} completes commands and options`, async t => {
    const directory = temporaryDirectory(t)
    const script = await altgate(['completion', shell], process.env)
    t.equal(script.code, 0, script.stderr)
    writeFileSync(join(directory, 'script'), script.stdout)
    for (const [line, offered, not] of typed) {
      const { stdout, stderr } = await run(shell, ['-c', asking(line)], { cwd: directory })
      t.equal(stderr, '', line)
      const last = line.split(' ').at(-1) ?? ''
      const names = stdout
        .split('\n')
        .map(each => each.split(/[:\t]/)[0] ?? '')
        .filter(each => each.startsWith(last)) // zsh filters by itself, after this
      for (const each of offered) t.ok(names.includes(each), `${line}: ${each}`)
      for (const each of not) t.notOk(names.includes(each), `${line}: not ${each}`)
    }
  })

t.test('the manual page has every command, and renders without a warning', async t => {
  const file = join(temporaryDirectory(t), 'altgate.1')
  const { stdout } = await altgate(['man'], process.env)
  writeFileSync(file, stdout)
  const page = await run('man', ['--warnings', '-l', file], {
    env: { ...process.env, MANWIDTH: '80', MANPAGER: 'cat', LC_ALL: 'C.UTF-8' },
  })
  t.equal(page.code, 0)
  t.equal(page.stderr, '')
  // A terminal breaks longer lines anywhere. Examples are copied, so each is a line of its own.
  const wide = page.stdout
    .split('\n')
    .filter(line => line.length > 80 && !line.startsWith('         altgate '))
  t.same(wide, [])
  t.match(page.stdout, /^ {7}unknown  has a credential .*\n {16}\w/m, 'a column keeps its indent')
  for (const part of ['altgate account add', '--upstream <URL>', 'EXIT STATUS', 'altgate check --config'])
    t.match(page.stdout, part)
  for (const flag of ['-v', '--version'])
    t.match((await altgate([flag], process.env)).stdout, /^\d+\.\d+\.\d+\n$/)
})
