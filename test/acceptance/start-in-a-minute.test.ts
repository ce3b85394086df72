import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bareServer } from '../support/bare-server.ts'
import { demoEnvironment } from '../support/demo.ts'
import { gitLab, type GitLab } from '../support/git.ts'
import { serve } from '../support/program.ts'
import { run, succeeded } from '../support/run.ts'
import { until } from '../support/until.ts'

/** Starts the demo and gives the commands that it prints, once all of them are there. */
async function startDemo(t: Test, env: Readonly<Record<string, string>>) {
  const args = ['serve', '--config', 'config/development.yaml']
  const served = serve(t, args, { ...process.env, ...env })
  await until(() => {
    if (served.ended()) throw new Error(`the demo did not start:\n${served.printed()}`)
    return served.printed().includes('Ctrl-C')
  })
  return { printed: served.printed(), commands: commandsIn(served.printed()), stop: served.stop }
}

/** Pastes one of the commands into a shell. */
function paste(lab: GitLab, command: string | undefined, env: Readonly<Record<string, string>>) {
  return run('sh', ['-ec', command ?? 'exit 99'], { cwd: lab.directory, env: { ...lab.env, ...env } })
}

/** The indented paragraphs. */
function commandsIn(guide: string): readonly string[] {
  return guide.split(/\n{2,}/).filter(paragraph => /^ {4}\S/.test(paragraph))
}

t.test('the commands that the demo prints show what it says they show', async t => {
  const env = await demoEnvironment(t)
  const { printed, commands, stop } = await startDemo(t, env)
  const lab = gitLab(t)
  t.equal(commands.length, 3)
  t.match(printed, `${env['ALTGATE__PUBLICURL']}/_altgate/?account=northwind`)
  t.notMatch(printed, '\u001b', 'no colours where there is no terminal')

  await t.test('fabrikam is cloned', async t => {
    succeeded('the first command', await paste(lab, commands[0], env))
    t.ok(existsSync(join(lab.directory, 'fabrikam/README.md')))
  })
  await t.test('northwind is told that it has moved', async t => {
    const { code, stderr } = await paste(lab, commands[1], env)
    t.equal(code, 128)
    t.match(stderr, 'remote: Reset needed: the account "northwind" has moved.')
    t.match(stderr, /^remote: .*"Northwind"/m)
  })
  await t.test('northwind is cloned once its credential is set', async t => {
    succeeded('the third command', await paste(lab, commands[2], env))
    t.ok(existsSync(join(lab.directory, 'northwind/README.md')))
  })
  await t.test('started again, it says that the credential has been set', async t => {
    t.equal(await stop(), 0)
    const again = await startDemo(t, env)
    t.match(again.printed, 'was set on an earlier start')
    const { code, stderr } = await paste(gitLab(t), again.commands[1], env)
    t.equal(code, 128)
    t.match(stderr, 'remote: The user name or the password is wrong.')
    t.equal(await again.stop(), 0)
  })
})

t.test('an upstream port that is in use is reported in one sentence', async t => {
  const { port } = await bareServer(t, () => {})
  const env = { ...(await demoEnvironment(t)), ALTGATE__DEMO__UPSTREAMPORT: String(port) }
  const served = serve(t, ['serve', '--config', 'config/development.yaml'], { ...process.env, ...env })
  await served.exit()
  t.match(served.printed(), /The demo upstream needs port \d+, which is already in use/)
  t.notMatch(served.printed(), /^ +at /m, 'no stack trace')
})
