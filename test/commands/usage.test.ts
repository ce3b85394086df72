import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { buildProgram } from '../../src/cli.ts'
import { aDesk, fabrikamId } from './desk.ts'

const setAnna = ['credential', 'set', '--scope', 'msa', '--user', 'anna@example.com']
const addFabrikam = ['account', 'add', 'fabrikam', '--upstream']

/** Words that are wrong usage, and what is said. */
const wrong: readonly (readonly [readonly string[], string | RegExp])[] = [
  [['acount', 'list'], "unknown command 'acount'\n(Did you mean account?)"],
  [['account', 'lits'], "unknown command 'lits'\n(Did you mean list?)"],
  [['account', 'list', '--jsn'], "unknown option '--jsn'\n(Did you mean --json?)"],
  [['account', 'list', '--config'], "option '--config <FILE>' argument missing"],
  [['account', 'show'], "missing required argument 'NAME'"],
  [['account', 'show', 'a', 'canary'], "too many arguments for 'show'. Expected 1 argument but got 2."],
  [['account', 'show', 'fabri kam'], 'NAME: An account name is 1 to 63 letters'],
  [['account', 'add', 'fabrikam'], "required option '--upstream <URL>' not specified"],
  [[...addFabrikam, 'fabrikam.example'], '--upstream <URL>: An upstream is an http or https address'],
  [[...addFabrikam, 'ftp://fabrikam.example'], '--upstream <URL>: An upstream is an http or https address'],
  [[...addFabrikam, 'https://root:canary@fabrikam.example'], '--upstream <URL>: An upstream is'],
  [[...addFabrikam, 'https://fabrikam.example/?canary'], '--upstream <URL>: An upstream is'],
  [[...addFabrikam, 'https://fabrikam.example#'], '--upstream <URL>: An upstream is'],
  [
    [...addFabrikam, 'https://fabrikam.example//x'],
    '--upstream <URL>: The path of an upstream begins with one',
  ],
  [['directory', 'add', 'fabrikam', '--name', 'x'], 'ID: A directory id is the GUID of an Entra directory'],
  [['directory', 'add', fabrikamId, '--name', 'a\u001b[2Jb'], '--name <TEXT>: A directory name is 1 to 120'],
  [
    ['directory', 'add', fabrikamId, '--name', 'x', '--issuer', 'http://login.example'],
    '--issuer <URL>: An issuer is',
  ],
  [['credential', 'list', '--scope', 'fabrikam'], '--scope <S>: A scope is msa, or the id of a directory.'],
  [
    ['credential', 'set', '--scope', 'msa', '--user', 'anna'],
    '--user <NAME>: The user name must be an e-mail address.',
  ],
  [
    ['credential', 'set', '--scope', 'msa', '--user', 'a:b@example.com'],
    '--user <NAME>: The user name contains a colon.',
  ],
  [['credential', 'set', '--scope', 'msa', '--user', ''], '--user <NAME>: The user name is empty.'],
  [
    ['credential', 'set', '--scope', 'msa', '--user', `${'a'.repeat(310)}@example.com`],
    'longer than 320 characters',
  ],
  [
    [...setAnna, '--secondary', 'anna@home'],
    '--secondary <NAME>: The secondary user name must be 1 to 64 letters',
  ],
  [
    [...setAnna, '--secondary', 'an na'],
    '--secondary <NAME>: The secondary user name must be 1 to 64 letters',
  ],
  [[...setAnna, '--password', 'canary'], 'a password is never an argument'],
  [[...setAnna, '--password=canary'], 'a password is never an argument'],
  [[...setAnna, '--pasword=canary'], "unknown option '--pasword'"],
  [['recent', '--outcome', 'canary'], '--outcome <O>: Allowed choices are refused, reset-needed, expired,'],
  [
    ['explain', '--account', 'fabrikam', '--user', 'anna', '--password', 'canary'],
    'a password is never an argument',
  ],
]

t.test('wrong usage says what is wrong, names the help, and touches nothing', async t => {
  for (const [words, sentence] of wrong) {
    const desk = aDesk(t, {}, { isMade: false })
    const { code, stdout, stderr } = await desk.run(words, 'long-enough-password\n')
    const line = words.join(' ')
    t.equal(code, 2, line)
    t.equal(stdout, '', line)
    t.match(stderr, sentence, line)
    t.match(stderr, /^altgate: .*\nSee: altgate(?: \w+)* --help\n$/s, line)
    t.notMatch(stderr, 'canary', `${line}: what was given may be a secret`)
    t.notOk(existsSync(join(desk.directory, 'altgate.db')), line)
  }
})

t.test('no command, or half of one, prints the help to standard error', async t => {
  for (const words of [[], ['account'], ['credential'], ['directory']]) {
    const { code, stdout, stderr } = await aDesk(t, {}, { isMade: false }).run(words)
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, new RegExp(`^Usage: ${['altgate', ...words].join(' ')} `))
  }
})

t.test('every command has a help text with examples, and reads no settings for it', async t => {
  const commands = [
    '',
    'serve',
    'directory',
    'directory add',
    'directory list',
    'account',
    'account add',
    'account connect',
    'account disconnect',
    'account show',
    'account list',
    'credential',
    'credential set',
    'credential enable',
    'credential disable',
    'credential list',
    'credential import',
    'history',
    'store',
    'keys',
    'move plan',
    'explain',
    'check',
    'settings',
    'bench',
  ]
  const desk = aDesk(t, { ALTGATE__LISTEN__PORT: 'abc' })
  for (const command of commands) {
    const { code, stdout, stderr } = await desk.run([...command.split(' ').filter(Boolean), '--help'])
    t.equal(code, 0, command)
    t.equal(stderr, '', command)
    t.match(stdout, `\nExamples:\n  altgate ${command}`, command)
    t.match(stdout, '--config <FILE>', command)
    const wide = stdout.split('\n').filter(line => line.length > 80 && !line.startsWith('  altgate '))
    t.same(wide, [], command)
  }
})

/** Commands without `--json`, and why. */
const withoutJson: Readonly<Record<string, string>> = {
  serve: 'its log is JSON',
  'credential export': 'it prints JSON lines',
  'store export': 'it prints JSON lines',
  'completion bash': 'it prints a script',
  'completion zsh': 'it prints a script',
  'completion fish': 'it prints a script',
  man: 'it prints a manual page',
}

t.test('every command speaks JSON, or there is a reason', async t => {
  const below = (command: Command, path: string): readonly string[] =>
    command.commands.flatMap(each => {
      const name = `${path} ${each.name()}`.trim()
      if (each.commands.length > 0) return below(each, name)
      return each.options.some(({ long }) => long === '--json') ? [] : [name]
    })
  t.strictSame(below(await buildProgram(), '').toSorted(), Object.keys(withoutJson).toSorted())
})
