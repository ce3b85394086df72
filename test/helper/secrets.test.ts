import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../support/until.ts'
import { attributes, aWorld, helper, type Shell, shells } from './lab.ts'

/** Programs that get a secret in a pipe: what they show of themselves to others is written down. */
const watched = ['curl', 'awk', 'sed', 'od', 'tr', 'git', 'date', 'cat', 'head', 'sleep', 'uname', 'cut']

/** A world in which each program that the helper runs notes its arguments and its environment. */
async function watchedWorld(t: Test, shell: Shell) {
  const world = await aWorld(t, shell)
  const notes = join(world.lab.home, 'notes')
  writeFileSync(notes, '')
  const bin = join(world.lab.home, 'watched')
  const { env } = world.lab
  const { mkdirSync } = await import('node:fs')
  mkdirSync(bin)
  for (const name of watched) {
    const text = `#!/bin/bash
PATH='${env['PATH']}'
{ tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' ' ' < /proc/$$/environ; echo; } >> '${notes}'
exec ${name} "$@"
`
    writeFileSync(join(bin, name), text, { mode: 0o755 })
  }
  const watchedEnv = { ...env, PATH: `${bin}:${env['PATH']}` }
  return { ...world, watchedEnv, notes: () => readFileSync(notes, 'utf8') }
}

/** Every name that the program gives a value to. */
function variables(): readonly string[] {
  const text = readFileSync(helper, 'utf8').replace(/^reader='[^]*?^}'/m, '')
  const found = text.matchAll(
    /(?:^|(?<!echo)[\s;({])([a-z][a-z_]*)=(?!\*)|\bread -r ((?:[a-z_]+ ?)+)|\bfor ([a-z_]+) in/g,
  )
  return [
    ...new Set(
      [...found].flatMap(([, one, several, loop]) => several?.trim().split(' ') ?? [one ?? loop ?? '']),
    ),
  ]
}

for (const shell of shells) {
  t.test(`with ${shell}: no secret is an argument or in the environment of any program`, async t => {
    const { gateway, lab, pass, notes, watchedEnv } = await watchedWorld(t, shell)
    // As if the caller had exported every name that the program uses, and wanted traces.
    const env = {
      ...Object.fromEntries(variables().map(name => [name, 'exported'])),
      ...watchedEnv,
      SHELLOPTS: 'allexport:xtrace:verbose',
    }
    const secrets = new Set<string>()
    const terminal = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}/contoso`, env)
    await until(() => terminal.seen().includes('Waiting for'))
    gateway.approve()
    t.equal(await terminal.exit(), 0, terminal.seen())
    pass(gateway.life)
    const get = await lab.call(['--url', gateway.url, 'get'], { stdin: lab.ask(), env })
    t.match(attributes(get)['password'], /^agp_/)
    const out = await lab.call(['sign-out', `${gateway.url}/contoso`], { env })
    t.equal(out.code, 0, out.stderr)

    for (const { form } of gateway.asked)
      for (const name of ['device_code', 'refresh_token', 'token']) secrets.add(form[name] ?? '')
    secrets.add(attributes(get)['password'] ?? '')
    secrets.delete('')
    t.ok(secrets.size >= 4, 'a device code, two refresh tokens and a password')
    t.match(notes(), /^curl|\bcurl -q --config -/m, 'it was watched')
    for (const secret of secrets) {
      t.notOk(notes().includes(secret))
      t.notOk(notes().includes(hex(secret)), 'neither in the spelling of a form')
      for (const said of [terminal.seen(), get.stderr, out.stderr])
        t.notOk(said.includes(secret), 'nor in a trace')
    }
  })
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex').replaceAll(/../g, '%$&')
}

t.test('the names that the program uses are its own, whatever the caller has exported', async t => {
  const text = readFileSync(helper, 'utf8')
  const unset = /^unset ([^]*?[^\\])\n/m.exec(text.replace('unset IFS CDPATH\n', ''))?.[1] ?? ''
  const names = unset.split(/[\s\\]+/)
  t.strictSame(
    variables().filter(
      name =>
        !names.includes(name) &&
        !['version', 'client', 'program', 'nl', 'reader', 'longest_answer'].includes(name),
    ),
    [],
  )
})

t.test('traces that were asked for show no secret', async t => {
  const { gateway, lab, signIn } = await aWorld(t, 'bash')
  await signIn()
  const password =
    attributes(await lab.call(['--url', gateway.url, 'get'], { stdin: lab.ask() }))['password'] ?? ''
  t.match(password, /^agp_/)
  const { run } = await import('../support/run.ts')
  for (const shell of ['bash', 'dash']) {
    const traced = await run(shell, ['-x', helper, '--url', gateway.url, 'get'], {
      stdin: lab.ask(),
      env: lab.env,
    })
    t.equal(attributes(traced)['password'], password)
    t.notOk(traced.stderr.includes(password), traced.stderr)
  }
})
