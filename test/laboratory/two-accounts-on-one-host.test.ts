import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gitLab } from '../support/git.ts'
import { runningServer } from '../support/public-server.ts'
import { aWorld, entra } from '../support/world.ts'
import { laboratoryUpstream, repositoryPath } from './upstream.ts'

const contoso = entra('Contoso')
const old = { username: 'anna@example.com', password: 'for Microsoft accounts' }
const other = { connection: contoso, username: 'anna@example.com', password: 'for Contoso' }

/** git with the store that it comes with, before two accounts that take different passwords of one person. */
async function twoAccounts(t: Test) {
  const upstream = await laboratoryUpstream(t)
  const world = aWorld({
    accounts: [
      { name: 'fabrikam', upstream: upstream.url },
      { name: 'contoso', connection: contoso, upstream: `${upstream.url}/fabrikam` },
    ],
    credentials: [old, other],
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const lab = gitLab(t)
  const store = join(lab.directory, 'store')
  const remotes = {
    fabrikam: server.url + repositoryPath,
    contoso: server.url + repositoryPath.replace('fabrikam', 'contoso'),
  }
  const keep = (remote: string, { username, password }: typeof old, path = '') => {
    const url = new URL(remote)
    url.username = encodeURIComponent(username)
    url.password = encodeURIComponent(password)
    const line = `${url.protocol}//${url.username}:${url.password}@${url.host}${path}\n`
    writeFileSync(store, (existsSync(store) ? readFileSync(store, 'utf8') : '') + line)
  }
  const ask = (remote: string, config: Readonly<Record<string, string>> = {}) =>
    lab.git(
      ['-c', 'credential.helper=', '-c', `credential.helper=store --file=${store}`, 'ls-remote', remote],
      {
        config,
      },
    )
  return { server, remotes, keep, ask, kept: () => readFileSync(store, 'utf8').split('\n').filter(Boolean) }
}

t.test('git keeps one password for a host: the second account erases it, and says what to do', async t => {
  const { remotes, keep, ask, kept } = await twoAccounts(t)
  keep(remotes.fabrikam, old)
  t.equal((await ask(remotes.fabrikam)).code, 0)
  const { code, stderr } = await ask(remotes.contoso)
  t.not(code, 0)
  t.match(stderr, 'remote: If another account here uses a different password, let git keep both:')
  t.match(stderr, 'remote: git config --global credential.https://git.example.com.useHttpPath true')
  t.strictSame(kept(), [], 'which is why it is said')
})

t.test('with the setting that the text names, both are kept and both work', async t => {
  const { server, remotes, keep, ask, kept } = await twoAccounts(t)
  keep(remotes.fabrikam, old, new URL(remotes.fabrikam).pathname)
  keep(remotes.contoso, other, new URL(remotes.contoso).pathname)
  const config = { [`credential.${server.url}.useHttpPath`]: 'true' }
  for (const remote of [remotes.fabrikam, remotes.contoso, remotes.fabrikam])
    t.equal((await ask(remote, config)).code, 0)
  t.equal(kept().length, 2)
})
