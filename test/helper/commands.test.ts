import { chmodSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../support/run.ts'
import { aWorld, helper, helperLab, shells } from './lab.ts'

const url = 'https://git.example.com'

function sorted(text: string): readonly string[] {
  return text.split('\n').sort()
}

t.test('install tells git to use it for one gateway, and no other helper there', async t => {
  const lab = await helperLab(t, url)
  const settings = () => readFileSync(join(lab.home, '.gitconfig'), 'utf8')
  const once = settings()
  t.equal(
    once,
    `[credential "${url}"]
	helper = 
	helper = ${lab.home}/bin/altgate-git-credential --url ${url}
	altgateStore = store
	useHttpPath = true
`,
  )
  const again = await lab.call(['install', `${url}/contoso/welcome.git`, '--store', 'cache --timeout=60'])
  t.equal(again.code, 0, again.stderr)
  t.strictSame(
    sorted(settings()),
    sorted(once.replace('= store', '= cache --timeout=60')),
    'no line is there twice',
  )
  t.equal(
    again.stderr,
    `git signs in at ${url} by itself from now on.
Passwords are kept by: git credential-cache --timeout=60
`,
  )
})

t.test('install can print the commands instead', async t => {
  const lab = await helperLab(t, url)
  const before = readFileSync(join(lab.home, '.gitconfig'), 'utf8')
  const { code, stdout } = await lab.call(['install', url, '--store', 'store', '--print'])
  t.equal(code, 0)
  t.equal(
    stdout,
    `git config --global --replace-all credential.${url}.helper ''
git config --global --add credential.${url}.helper '${lab.home}/bin/altgate-git-credential --url ${url}'
git config --global credential.${url}.altgateStore store
git config --global credential.${url}.useHttpPath true
`,
  )
  t.equal(readFileSync(join(lab.home, '.gitconfig'), 'utf8'), before)
  const home = join(lab.home, 'other')
  mkdirSync(home)
  t.equal((await run('sh', ['-e'], { stdin: stdout, env: { ...lab.env, HOME: home } })).code, 0)
  t.equal(readFileSync(join(home, '.gitconfig'), 'utf8'), before, 'they do the same')
})

t.test('install takes the helper that stores passwords already, or one of the system', async t => {
  const lab = await helperLab(t, url)
  const chosen = async () => {
    const { stdout, stderr } = await lab.call(['install', url, '--print'])
    return /altgateStore '?([^'\n]+)/.exec(stdout)?.[1] ?? stderr
  }
  t.equal(await chosen(), 'store', 'there is no other here')
  for (const helper of ['cache --timeout=3600', 'libsecret', 'osxkeychain', 'store --file=/tmp/x']) {
    await lab.git(['config', '--global', 'credential.helper', helper])
    const word = helper.split(' ')[0] ?? ''
    const known = ['cache', 'store'].includes(word)
    t.match(await chosen(), known ? helper : `git has no helper called ${word} here`)
  }
  await lab.git(['config', '--global', 'credential.helper', 'manager'])
  t.equal(await chosen(), 'store', 'it asks users for passwords where it knows none')
})

t.test('install for accounts that have a host each', async t => {
  const lab = await helperLab(t, url)
  const { stdout } = await lab.call([
    'install',
    url,
    '--accounts',
    '.example.com',
    '--store',
    'store',
    '--print',
  ])
  t.match(
    stdout,
    `--add 'credential.https://*.example.com.helper' '${lab.home}/bin/altgate-git-credential --url ${url} --accounts .example.com'`,
  )
  t.notMatch(stdout, 'useHttpPath')
})

t.test('install behind another helper adds itself once', async t => {
  const lab = await helperLab(t, url)
  await lab.git(['config', '--global', '--remove-section', `credential.${url}`])
  await lab.git(['config', '--global', 'credential.helper', 'cache'])
  for (let n = 0; n < 2; n++) t.equal((await lab.call(['install', url, '--store', 'none'])).code, 0)
  const { stdout } = await lab.git(['config', '--get-all', `credential.${url}.helper`])
  t.equal(stdout.split('\n').filter(Boolean).length, 1)
})

for (const shell of shells) {
  t.test(`with ${shell}: git finds the program in a folder with blanks and quotes in its name`, async t => {
    const { gateway, lab } = await aWorld(t, shell)
    const folder = join(lab.home, `it's "a" $folder`)
    mkdirSync(folder)
    const program = join(folder, 'altgate-git-credential')
    copyFileSync(join(lab.home, 'bin/altgate-git-credential'), program)
    chmodSync(program, 0o755)
    t.equal((await run(program, ['install', gateway.url, '--store', 'store'], { env: lab.env })).code, 0)
    const { stderr } = await lab.git(['ls-remote', `${gateway.url}/contoso/welcome.git`])
    t.match(stderr, 'this machine is not signed in for contoso')
  })
}

t.test('install says what is wrong', async t => {
  const lab = await helperLab(t, url)
  const said = async (words: readonly string[]) => (await lab.call(['install', ...words])).stderr
  t.match(await said([]), 'install needs the address of the gateway')
  t.match(await said(['git.example.com']), 'It must begin with https://')
  t.match(await said(['http://git.example.com']), 'It must begin with https://')
  t.match(await said([url, '--store']), '--store needs a value')
  t.match(await said([url, '--store', 'nosuch']), 'git has no helper called nosuch here')
  t.match(await said([url, '--store', '!rm -rf']), 'not one of git')
  t.match(await said([url, '--accounts', 'example.com']), '--accounts must begin with a dot')
  t.match(await said([url, '--nonsense']), 'there is no option --nonsense')
  t.match(await said([url, url]), 'install takes one address')
  const piped = await run('sh', ['-s', '--', 'install', url], {
    stdin: readFileSync(helper, 'utf8'),
    env: lab.env,
    cwd: lab.home,
  })
  t.match(piped.stderr, 'save it as a file first')
})

t.test('sign-out ends the password at the gateway, and deletes it', async t => {
  const { gateway, lab, signIn } = await aWorld(t)
  await signIn()
  const [token = ''] = gateway.refreshTokens
  const { code, stderr } = await lab.call(['sign-out', `${gateway.url}/contoso`])
  t.equal(code, 0)
  t.equal(
    stderr,
    `Signed out of contoso at ${gateway.url}.\nThe password of this machine has ended, and is deleted here.\n`,
  )
  t.strictSame(gateway.asked.at(-1), { path: 'revoke', form: { client_id: 'altgate', token } })
  t.equal(lab.stored(), '')
  t.match(await lab.call(['sign-out', `${gateway.url}/contoso`]), {
    code: 1,
    stderr: /is not signed in for contoso/,
  })
})

t.test('sign-out during an outage says where the password can be revoked', async t => {
  const { gateway, lab, signIn } = await aWorld(t)
  await signIn()
  const down = { status: 503, text: 'down' }
  gateway.next.revoke.push(down, down, down)
  t.match(await lab.call(['sign-out', `${gateway.url}/contoso`]), {
    code: 1,
    stderr: `altgate-git-credential: deleted here, but ${gateway.url} could not be told: it answered 503.
The password still works there. Revoke it on your page:
  ${gateway.url}/_altgate/?account=contoso
`,
  })
  t.equal(lab.stored(), '')
})

t.test('a new sign-in ends what the machine had before', async t => {
  const { gateway, signIn } = await aWorld(t)
  await signIn()
  const [token] = gateway.refreshTokens
  await signIn()
  t.match(gateway.asked.at(-1), { path: 'revoke', form: { token } })
})

t.test('a gateway that has no sign-in for git, and one that cannot be reached', async t => {
  const { gateway, lab } = await aWorld(t)
  gateway.next.device_authorization.push({ status: 404, json: { error: 'not_found' } })
  const off = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}/contoso`)
  t.equal(await off.exit(), 1)
  t.match(off.seen(), 'it has no sign-in for git (404). Check the address, or ask its operator.')
  gateway.next.device_authorization.push({
    status: 301,
    headers: { location: 'https://evil.example' },
    text: '',
  })
  const moved = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}/contoso`)
  t.equal(await moved.exit(), 1)
  t.match(moved.seen(), 'it answered with a redirect (301), which is not followed. Check the address.')
  const nowhere = lab.onTerminal('altgate-git-credential sign-in http://127.0.0.1:9/contoso --store store')
  t.equal(await nowhere.exit(), 1)
  t.match(nowhere.seen(), 'http://127.0.0.1:9 cannot sign you in: it cannot be reached.')
})
