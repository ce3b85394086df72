import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { gitHelperChecksum } from '../../src/self-service/git-helper.ts'
import { en } from '../../src/self-service/messages/en.ts'
import { gitHelper, installing } from '../../src/self-service/pages/git-helper.ts'
import { helper } from '../helper/lab.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { run } from '../support/run.ts'
import { aLab, visitor } from './lab.ts'

t.test('the helper for git is served as a file, with its checksum', async t => {
  const { url } = await aLab(t)
  const answer = await fetch(`${url}/_altgate/helper`)
  const body = Buffer.from(await answer.arrayBuffer())
  t.equal(answer.status, 200)
  t.strictSame(body, readFileSync(helper))
  const sum = createHash('sha256').update(body)
  t.match(Object.fromEntries(answer.headers), {
    'content-type': 'text/x-shellscript; charset=utf-8',
    'content-disposition': 'attachment; filename="altgate-git-credential"',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    etag: `"${sum.copy().digest('hex')}"`,
    'repr-digest': `sha-256=:${sum.copy().digest('base64')}:`,
  })
  t.equal(gitHelperChecksum, sum.copy().digest('hex'))

  const again = await fetch(`${url}/_altgate/helper`, {
    headers: { 'if-none-match': answer.headers.get('etag') ?? '' },
  })
  t.equal(again.status, 304)
  const head = await fetch(`${url}/_altgate/helper`, { method: 'HEAD' })
  t.equal(head.headers.get('etag'), answer.headers.get('etag'))
})

t.test('the commands of the page install it, and nothing else', async t => {
  const { url } = await aLab(t)
  const home = temporaryDirectory(t)
  const env = { PATH: process.env['PATH'], HOME: home, GIT_CONFIG_NOSYSTEM: '1' }
  const settings = { publicUrl: url, naming: { by: 'path' }, checksum: gitHelperChecksum } as const
  for (const shell of ['dash', 'bash']) {
    const { code, stderr } = await run(shell, [], { stdin: installing(settings), env })
    t.equal(code, 0, stderr)
    const config = readFileSync(join(home, '.gitconfig'), 'utf8')
    t.match(config, `helper = ${home}/.local/bin/altgate-git-credential --url ${url}\n`)
  }

  const other = temporaryDirectory(t)
  const wrong = installing({ ...settings, checksum: '0'.repeat(64) })
  const { code } = await run('sh', [], { stdin: wrong, env: { ...env, HOME: other } })
  t.not(code, 0)
  t.throws(() => readFileSync(join(other, '.gitconfig')), 'a file with another checksum does not run')
})

t.test('the page of an account has the commands, where codes for devices are given out', async t => {
  const lab = await aLab(t)
  const { page } = await visitor(lab, 'contoso')
  t.match(page.text, 'For tools without a browser')
  t.match(page.text, `${gitHelperChecksum}  altgate-git-credential`)
  t.match(page.text, `./altgate-git-credential install ${lab.url})`)

  for (const oauth of [{ deviceCodes: false }, { enabled: false }]) {
    const without = await aLab(t, { settings: { oauth } })
    const seen = await visitor(without, 'contoso')
    t.equal(seen.page.status, 200)
    t.notMatch(seen.page.text, 'altgate-git-credential')
    t.equal((await fetch(`${without.url}/_altgate/helper`)).status, 404)
  }
})

t.test('the section of the page has the address, the checksum and the way to install it', async t => {
  const text = gitHelper(en, {
    publicUrl: 'https://git.example.com',
    naming: { by: 'host', suffix: '.example.com' },
    checksum: 'c0ffee',
  }).text
  t.match(text, 'https://git.example.com/_altgate/helper')
  t.match(text, 'c0ffee  altgate-git-credential')
  t.match(text, './altgate-git-credential install https://git.example.com --accounts .example.com')
})
