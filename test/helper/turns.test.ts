import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../support/until.ts'
import { attributes, aWorld, shells } from './lab.ts'

for (const shell of shells) {
  t.test(`with ${shell}: of many gits at once, one renews and all get the new password`, async t => {
    const { gateway, get, signIn, pass, lab } = await aWorld(t, shell)
    await signIn()
    pass(gateway.life + 1)
    const asked = gateway.asked.length
    const answers = await Promise.all(Array.from({ length: 5 }, () => get()))
    t.equal(gateway.asked.length, asked + 1)
    t.equal(new Set(answers.map(answer => attributes(answer)['password'])).size, 1)
    t.match(attributes(answers[0] ?? { stdout: '' })['password'], /^agp_/)
    t.strictSame(lab.turns(), [])
  })

  t.test(`with ${shell}: of two gits on terminals, one shows a code and both go on`, async t => {
    const { gateway, lab } = await aWorld(t, shell)
    const first = lab.onTerminal(`git clone -q ${gateway.url}/contoso/welcome.git one`)
    await until(() => first.seen().includes('Waiting for at most'))
    const second = lab.onTerminal(`git clone -q ${gateway.url}/contoso/welcome.git two`)
    await until(() => second.seen().includes('waiting for another git that is signing in'))
    const third = await lab.git(['clone', '-q', `${gateway.url}/contoso/welcome.git`, 'three'])
    t.equal(third.code, 128, 'without a terminal it does not wait for the user')
    t.match(third.stderr, 'there is no terminal to show a code on')
    gateway.approve()
    t.strictSame([await first.exit(), await second.exit()], [0, 0], second.seen())
    t.notMatch(second.seen(), 'BCDF-GHJK')
    t.equal(gateway.asked.filter(({ path }) => path.startsWith('device')).length, 1)
    t.strictSame(lab.turns(), [])
  })

  t.test(`with ${shell}: Ctrl-C ends the wait at once, and leaves nothing behind`, async t => {
    const { gateway, lab } = await aWorld(t, shell)
    gateway.interval = 60
    const terminal = lab.onTerminal(`git clone ${gateway.url}/contoso/welcome.git one`)
    await until(() => terminal.seen().includes('Waiting for at most'))
    t.strictSame(lab.turns().length, 1)
    terminal.type('\u0003')
    t.not(await terminal.exit(), 0)
    t.strictSame(
      gateway.asked.map(({ path }) => path),
      ['device_authorization/contoso'],
      'it has not waited until the next poll',
    )
    await until(() => lab.turns().length === 0)
    t.equal(lab.stored(), '')
    await until(() => processesOf(lab.home).length === 0)
  })
}

/** The first signal may have ended it already. */
function tellProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

t.test('a helper that is told to end takes its pause with it', async t => {
  // Ctrl-C ends git as well, so that the terminal hangs up while the helper cleans up.
  for (const signals of [['TERM'], ['HUP'], ['INT'], ['INT', 'HUP'], ['INT', 'INT', 'TERM']] as const) {
    const { gateway, lab } = await aWorld(t)
    gateway.interval = 60
    const terminal = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}/contoso`)
    await until(() => terminal.seen().includes('Waiting for at most'))
    const folder = join(lab.home, '.cache/altgate-git-credential', lab.turns()[0] ?? '')
    const helper = Number(readFileSync(join(folder, 'process'), 'utf8'))
    for (const signal of signals) tellProcess(helper, `SIG${signal}`)
    t.not(await terminal.exit(), 0)
    t.strictSame(lab.turns(), [])
    await until(() => processesOf(lab.home).length === 0)
  }
})

t.test('the turn of a process that was killed passes on', async t => {
  const { gateway, lab, get, signIn, pass } = await aWorld(t)
  await signIn()
  pass(gateway.life + 1)
  const folder = join(lab.home, '.cache/altgate-git-credential', new URL(gateway.url).host.replace(':', '-'))
  mkdirSync(folder, { recursive: true })
  // Of a process that has ended.
  writeFileSync(join(folder, 'process'), execFileSync('sh', ['-c', 'echo $$']))
  writeFileSync(join(folder, 'asking'), '')
  const answers = await Promise.all([get(), get(), get()])
  for (const answer of answers) t.match(attributes(answer)['password'], /^agp_/)
  t.strictSame(lab.turns(), [])
})

t.test('what a killed process says of itself counts for nothing while another takes it away', async t => {
  const { gateway, lab, get, signIn, pass } = await aWorld(t)
  await signIn()
  pass(gateway.life + 1)
  const folder = join(lab.home, '.cache/altgate-git-credential', new URL(gateway.url).host.replace(':', '-'))
  for (const each of [folder, `${folder}+drop`]) mkdirSync(each, { recursive: true })
  writeFileSync(join(folder, 'process'), execFileSync('sh', ['-c', 'echo $$']))
  writeFileSync(join(folder, 'asking'), '') // which would tell a git without a terminal not to wait
  const asked = gateway.asked.length
  const answer = get()
  const waits = () => processesOf(lab.home).some(line => line.startsWith('sleep '))
  await until(() => waits() || gateway.asked.length > asked)
  t.equal(gateway.asked.length, asked, 'it waits for its turn')
  rmdirSync(`${folder}+drop`)
  t.match(attributes(await answer)['password'], /^agp_/)
  t.strictSame(lab.turns(), [])
})

/** The processes whose environment names this home. */
function processesOf(home: string): readonly string[] {
  const { stdout } = {
    stdout: execFileSync('ps', ['-eww', '-o', 'args=', 'e'], { encoding: 'utf8', maxBuffer: 2 ** 26 }),
  }
  return stdout.split('\n').filter(line => line.includes(`HOME=${home} `))
}
