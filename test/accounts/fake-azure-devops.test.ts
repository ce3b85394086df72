import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { contosoDirectory, northwindDirectory } from '../../src/demo/people.ts'
import { oidAtNorthwind } from '../support/delegated-world.ts'
import { startFakeAzureDevOps } from '../support/fake-azure-devops.ts'
import { gitLab } from '../support/git.ts'
import { redirectUri, tokensFrom } from '../support/provider-tokens.ts'

// What tests rely on must be what Azure DevOps does: each answer as captures of real traffic show it.

const directory = '11111111-1111-4111-8111-111111111111'

async function aService(t: Test) {
  const azure = await startFakeAzureDevOps(t, { repositories: ['fabrikam'], tokens: ['a-token'] })
  azure.put('fabrikam', { connection: directory })
  const lab = gitLab(t)
  lab.setCredential('anybody', 'a-token')
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${azure.url}${path}`, { headers, redirect: 'manual' })
  return { azure, lab, get, repository: `${azure.url}/fabrikam/welcome.git` }
}

t.test('git clones and pushes with a token, whatever the user name', async t => {
  const { azure, lab, repository } = await aService(t)
  await lab.must(['clone', repository, 'clone'])
  const cwd = join(lab.directory, 'clone')
  writeFileSync(join(cwd, 'new'), 'new\n')
  await lab.must(['add', 'new'], { cwd })
  await lab.must(['commit', '-m', 'new'], { cwd })
  await lab.must(['push'], { cwd })
  t.match(await lab.must(['log', '--format=%s'], { cwd: azure.repository('fabrikam') }), /^new$/m)

  azure.put('fabrikam', { connection: directory, readOnly: true })
  await lab.must(['commit', '--allow-empty', '-m', 'another'], { cwd })
  lab.forget()
  const { stderr } = await lab.git(['push'], { cwd })
  t.match(stderr, /^remote: .*TF401027: You need the Git 'GenericContribute' permission/m)
  t.match(stderr, '403')
  t.equal(lab.helperActions(), 'get', 'git keeps the token')
})

t.test('a token that is not accepted is 401, and git forgets it', async t => {
  const { lab, repository, get } = await aService(t)
  lab.setCredential('anybody', 'another-token')
  t.match((await lab.git(['ls-remote', repository])).stderr, 'Authentication failed')
  t.match(lab.helperActions(), /erase/)
  const response = await get('/fabrikam/welcome.git/info/refs', { authorization: 'Bearer another-token' })
  t.equal(response.status, 401)
  t.match(await response.text(), 'TF400813')
})

t.test('a repository that is not there is 404 with TF401019', async t => {
  const { lab, azure } = await aService(t)
  const { stderr } = await lab.git(['ls-remote', `${azure.url}/fabrikam/nothing.git`])
  t.match(stderr, /^remote: TF401019/m)
  t.match(stderr, 'not found')
})

t.test('a REST client with an old token gets a page with 203, or an error if it objects', async t => {
  const { get } = await aService(t)
  const authorization = 'Bearer another-token'
  const page = await get('/fabrikam/_apis/projects', { authorization })
  t.equal(page.status, 203)
  t.match(await page.text(), 'Sign In')
  const error = await get('/fabrikam/_apis/projects', { authorization, 'x-tfs-fedauthredirect': 'Suppress' })
  t.equal(error.status, 401)
  t.match(await error.json(), { typeKey: 'UnauthorizedRequestException' })
})

t.test('an anonymous client is redirected to the sign-in, or challenged if it asks for that', async t => {
  const { get } = await aService(t)
  t.equal((await get('/fabrikam/')).status, 302)
  const challenged = await get('/fabrikam/', { 'x-tfs-fedauthredirect': 'Suppress' })
  t.equal(challenged.status, 401)
  t.match(
    challenged.headers.get('www-authenticate'),
    `Bearer authorization_uri=https://login.microsoftonline.com/${directory}`,
  )
  t.equal((await get('/nobody/')).status, 404)
})

t.test('a client that asks too often is told when to try again', async t => {
  const { azure, get } = await aService(t)
  azure.put('fabrikam', { connection: directory, mood: 'throttled' })
  const response = await get('/fabrikam/')
  t.equal(response.status, 429)
  t.equal(response.headers.get('retry-after'), '7')
  t.ok(response.headers.get('x-ratelimit-reset'))
  t.match(await response.text(), 'TF400733')
})

t.test('the token of a user of the directory opens it, and no other one', async t => {
  const identity = await startIdentityProvider({ port: 0, redirectUri })
  t.teardown(identity.close)
  const issuers = new Map([
    [northwindDirectory.id as string, identity.issuers.get('northwind') ?? ''],
    [contosoDirectory.id as string, identity.issuers.get('contoso') ?? ''],
  ])
  const azure = await startFakeAzureDevOps(t, { repositories: ['northwind'], issuers })
  azure.put('northwind', { connection: northwindDirectory.id })
  const lab = gitLab(t)
  const as = async (authority: string, change?: (claims: Record<string, unknown>) => void) => {
    identity.conditions.claims = change
    const { body } = await tokensFrom(identity, authority)
    const extraHeader = `Authorization: Bearer ${String(body['access_token'])}`
    return { 'http.extraHeader': extraHeader }
  }
  const lists = async (config: Record<string, string>) =>
    (await lab.git(['ls-remote', `${azure.url}/northwind/welcome.git`], { config })).code

  const anna = await as('northwind')
  t.equal(await lists(anna), 0)
  t.not(await lists(await as('contoso')), 0, 'of another directory')
  for (const [what, change] of [
    ['for another audience', claims => void (claims['aud'] = 'https://graph.microsoft.com')],
    ['of another issuer', claims => void (claims['iss'] = 'https://evil.example')],
    ['that has expired', claims => void (claims['exp'] = 1)],
    ['of no user', claims => void delete claims['oid']],
  ] satisfies readonly (readonly [string, (claims: Record<string, unknown>) => void])[])
    t.not(await lists(await as('northwind', change)), 0, what)

  await t.test('it records who pushed', async t => {
    await lab.must(['clone', `${azure.url}/northwind/welcome.git`, 'clone'], { config: anna })
    const cwd = join(lab.directory, 'clone')
    await lab.must(['commit', '--allow-empty', '-m', 'new'], { cwd })
    await lab.must(['push'], { cwd, config: anna })
    t.match(azure.pushes, [{ oid: oidAtNorthwind('anna@example.com'), upn: 'anna@example.com' }])
  })

  await t.test('it can demand a new sign-in by a claims challenge', async t => {
    azure.demandSignIns()
    const { status, headers } = await fetch(
      `${azure.url}/northwind/welcome.git/info/refs?service=git-upload-pack`,
      {
        headers: { authorization: anna['http.extraHeader'].replace('Authorization: ', '') },
      },
    )
    t.equal(status, 401)
    t.match(headers.get('www-authenticate'), /^Bearer .*error="insufficient_claims", claims="/)
    t.equal(await lists(await as('northwind')), 0)
  })
})
