import { join } from 'node:path'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { startUpstream } from '../support/upstream.ts'

const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
const anna = 'anna@example.com'

t.test(
  'an account moves to a directory: git says so, the credential is set again, and git works',
  async t => {
    const upstream = await startUpstream(t, ['fabrikam', 'contoso'])
    const altgate = await startAltgate(t)
    const lab = gitLab(t)
    const contoso = join(lab.directory, 'contoso')
    for (const account of ['fabrikam', 'contoso']) {
      await altgate.must(['account', 'add', account, '--upstream', upstream.url])
    }
    await altgate.must(['credential', 'set', '--scope', 'msa', '--user', anna, '--secondary', 'anna'], {
      stdin: 'canary-old\n',
    })

    await t.test('one credential for Microsoft accounts opens both accounts', async t => {
      lab.setCredential(anna, 'canary-old')
      await lab.must(['clone', `${altgate.url}/contoso/welcome.git`, contoso])
      await lab.must(['clone', `${altgate.url}/fabrikam/welcome.git`, 'fabrikam'])
      t.equal(lab.helperActions(), 'get store get store')
    })

    await t.test('after the move the next fetch says what to do, and git forgets the password', async t => {
      await altgate.must(['directory', 'add', directory, '--name', 'Contoso Ltd'])
      await altgate.must(['account', 'connect', 'contoso', '--directory', directory])
      lab.forget()
      const { code, stderr } = await lab.git(['fetch'], { cwd: contoso })
      t.equal(code, 128)
      t.match(remoteLines(stderr), 'Reset needed: the account "contoso" has moved.')
      t.match(remoteLines(stderr), 'Your password was right for Microsoft accounts')
      t.match(remoteLines(stderr), /"Contoso Ltd"/)
      t.match(remoteLines(stderr), `${altgate.url}/_altgate/?account=contoso`)
      t.match(stderr, 'fatal: Authentication failed')
      t.equal(lab.helperActions(), 'get erase')
    })

    await t.test('a wrong password reveals nothing of it', async t => {
      lab.setCredential(anna, 'canary-guess')
      const guess = await lab.git(['fetch'], { cwd: contoso })
      lab.setCredential('nobody@example.com', 'canary-guess')
      const nobody = await lab.git(['fetch'], { cwd: contoso })
      t.equal(guess.code, 128)
      t.notMatch(guess.stderr, /was right|Contoso Ltd/)
      t.equal(withoutIds(nobody.stderr), withoutIds(guess.stderr))
    })

    await t.test('with the credential set for the directory the next fetch works', async t => {
      await altgate.must(['credential', 'set', '--scope', directory, '--user', anna, '--secondary', 'anna'], {
        stdin: 'canary-new\n',
      })
      lab.setCredential(anna, 'canary-new')
      lab.forget()
      await lab.must(['fetch'], { cwd: contoso })
      t.equal(lab.helperActions(), 'get store')
    })

    await t.test('the secondary user name works as well', async t => {
      lab.setCredential('anna', 'canary-new')
      lab.forget()
      await lab.must(['fetch'], { cwd: contoso })
      t.equal(lab.helperActions(), 'get store')
    })

    await t.test(
      'the old credential still works for accounts on Microsoft accounts, and only there',
      async t => {
        lab.setCredential(anna, 'canary-old')
        await lab.must(['fetch'], { cwd: join(lab.directory, 'fabrikam') })
        const { code } = await lab.git(['fetch'], { cwd: contoso })
        t.equal(code, 128)
      },
    )

    t.equal(await altgate.stop(), 0)
    t.notMatch(altgate.logs(), /canary/, 'no password is printed or logged')
  },
)

/** What git shows of the gateway's answer. */
function remoteLines(stderr: string): string {
  return stderr
    .split('\n')
    .filter(line => line.startsWith('remote: '))
    .join('\n')
}

/** Every answer has a reference of its own. */
function withoutIds(text: string): string {
  return text.replace(/^remote: Reference: \w+$/m, 'remote: Reference: <id>')
}
