import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { anna } from '../support/public-server.ts'
import { run } from '../support/run.ts'
import { slowLine } from '../support/slow-line.ts'
import { setTheStage } from './setting.ts'

const right = ['--user', `${anna.username}:${anna.password}`]
const wrong = ['--user', `${anna.username}:wrong`]

/** curl, which knows nothing of the machine it runs on, before the gateway. */
async function curlBefore(t: Test) {
  const setting = await setTheStage(t)
  const { lab, remote } = setting
  const curl = (args: readonly string[], url = remote) =>
    run('curl', ['--silent', '--show-error', ...args, url], { cwd: lab.directory, env: lab.env })
  const file = join(lab.directory, 'file')
  return { ...setting, curl, refs: `${remote}/info/refs?service=git-upload-pack`, file }
}

const said = ['--write-out', '%{http_code} after %{num_connects} connection, %{size_upload} bytes sent']

t.test('a wrong password is 401 with one challenge, and text that says what to do', async t => {
  const { curl, refs, world } = await curlBefore(t)
  const { code, stdout } = await curl(['--include', ...wrong], refs)
  t.equal(code, 0)
  t.match(stdout, /^HTTP\/1\.1 401 Unauthorized\r\n/)
  t.strictSame(stdout.match(/^WWW-Authenticate: .*$/gim), [
    'WWW-Authenticate: Basic realm="fabrikam", charset="UTF-8"',
  ])
  t.match(stdout, '\nThe user name or the password is wrong.\n')
  t.equal(world.outcomes(), 'refused')
  const failing = await curl(['--fail', ...wrong], refs)
  t.equal(failing.code, 22)
})

t.test('--anyauth finds Basic, on the same connection', async t => {
  const { curl, refs, world } = await curlBefore(t)
  const { code, stdout } = await curl(['--anyauth', '--output', 'refs', ...right, ...said], refs)
  t.equal(code, 0)
  t.equal(stdout, '200 after 1 connection, 0 bytes sent')
  t.equal(world.outcomes(), 'challenge allow')
})

t.test('a password in .netrc is sent at once', async t => {
  const { curl, refs, world, file } = await curlBefore(t)
  writeFileSync(file, `machine 127.0.0.1 login ${anna.username} password "${anna.password}"\n`)
  const { stdout } = await curl(['--netrc-file', file, '--output', 'refs', ...said], refs)
  t.match(stdout, /^200 /)
  t.equal(world.outcomes(), 'allow')
})

t.test('an upload that waits for 100 Continue gets it, and arrives', async t => {
  const { curl, remote, upstream, file } = await curlBefore(t)
  const bytes = randomBytes(300_000)
  writeFileSync(file, bytes)
  const upload = ['--verbose', '--header', 'Expect: 100-continue', '--upload-file', file, ...right]
  const { code, stderr } = await curl(upload, `${remote}/info/lfs/objects/0001`)
  t.equal(code, 0)
  t.match(stderr, '< HTTP/1.1 100 Continue')
  t.match(stderr, '< HTTP/1.1 200 OK')
  t.ok(upstream.last().body.equals(bytes))
})

t.test('an upload with a wrong password is refused before it begins', async t => {
  const { curl, remote, upstream, file } = await curlBefore(t)
  writeFileSync(file, randomBytes(300_000))
  const upload = ['--header', 'Expect: 100-continue', '--upload-file', file, '--output', 'text']
  const { stdout } = await curl([...upload, ...wrong, ...said], `${remote}/info/lfs/objects/0001`)
  t.equal(stdout, '401 after 1 connection, 0 bytes sent')
  t.strictSame(upstream.requests, [])
})

t.test('an upload of 20 MB over a slow line that is refused on its way still reads why', async t => {
  const { curl, remote, upstream, file } = await curlBefore(t)
  writeFileSync(file, randomBytes(20 * 1024 * 1024))
  const line = await slowLine(t, remote, 50)
  const upload = ['--header', 'Expect:', '--upload-file', file, '--write-out', '%{http_code}']
  const { stdout } = await curl([...upload, ...wrong], `${line.url}/git-receive-pack`)
  t.match(stdout, /The user name or the password is wrong\.\n[^]*Reference: [0-9a-f]{24}\n401$/)
  t.strictSame(upstream.requests, [])
})

for (const [who, as] of Object.entries({ 'a stranger': [], 'a wrong password': wrong, Anna: right })) {
  t.test(`HEAD tells ${who} what GET does, less the body`, async t => {
    const { curl, remote } = await curlBefore(t)
    const [head, get] = [
      await curl(['--head', ...as], `${remote}/info/lfs/objects/none`),
      await curl(['--dump-header', '-', '--output', '/dev/null', ...as], `${remote}/info/lfs/objects/none`),
    ].map(({ stdout }) => linesOf(stdout))
    t.ok((get ?? []).length > 3)
    t.strictSame(head, get)
  })
}

/** What differs from one request to the next is blotted out. */
function linesOf(text: string): readonly string[] {
  return (
    text
      .split('\r\n')
      .map(line => line.replace(/^(Date|X-Request-Id): .*/i, '$1'))
      // How a body is framed does not matter where there is none.
      .filter(line => !/^(?:Transfer-Encoding|Content-Length: 0)/i.test(line))
  )
}
