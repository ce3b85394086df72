import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { aDesk } from './desk.ts'

t.test('refused settings end every command with 78 and all complaints', async t => {
  const desk = aDesk(t, {}, { isMade: false })
  const file = join(desk.directory, 'gateway.yaml')
  writeFileSync(file, 'listen: { port: abc, prot: 1 }\nredis: redis://:canary@r\n')
  const before = readdirSync(desk.directory)
  const commands = [
    ['settings'],
    ['check'],
    ['serve'],
    ['account', 'list'],
    ['account', 'add', 'a', '--upstream', 'http://a'],
    ['credential', 'set', '--scope', 'msa', '--user', 'a@b'],
    ['explain', '--account', 'a', '--user', 'b'],
    ['credential', 'import', '-', '--scope', 'msa'],
  ]
  for (const words of commands) {
    const { code, stdout, stderr } = await desk.run([...words, '--config', file], 'long-enough-password')
    t.equal(code, 78, words.join(' '))
    t.equal(stdout, '')
    t.equal(
      stderr,
      [
        'altgate: the settings are refused:',
        '  listen.port: must be a whole number from 0 to 65535, but is "abc"',
        '  listen.prot: unknown setting; did you mean "port"?',
        '  redis: must be a group of settings, but is a text',
        '',
      ].join('\n'),
    )
    t.strictSame(readdirSync(desk.directory), before, 'nothing is made')
  }
})

t.test('the settings in force are printed, without secrets, from wherever --config stands', async t => {
  const desk = aDesk(t, {
    ALTGATE__STORE__URL: 'postgres://root:canary@db/altgate',
    ALTGATE__LISTEN__PORT: '81',
  })
  const file = join(desk.directory, 'gateway.yaml')
  writeFileSync(file, 'listen: { port: 80 }\nworkers: 3\n')
  for (const words of [
    ['--config', file, 'settings'],
    ['settings', '--config', file],
    [`--config=${file}`, 'settings'],
  ]) {
    const printed = await desk.must(words)
    t.match(parse(printed), { listen: { port: 81 }, workers: 3, store: { url: '[secret]' } })
    t.notMatch(printed, 'canary')
  }
})

t.test('ALTGATE_CONFIG names the settings file', async t => {
  const desk = aDesk(t)
  const file = join(desk.directory, 'gateway.yaml')
  writeFileSync(file, 'workers: 3\n')
  t.match(parse(await aDesk(t, { ALTGATE_CONFIG: file }).must(['settings'])), { workers: 3 })
})
