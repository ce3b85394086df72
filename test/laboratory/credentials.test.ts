import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { anna, basic } from '../support/public-server.ts'
import { setTheStage } from './setting.ts'

/** git with this value as its Authorization header, from its first request on. */
const authorization = (value: string) => ({
  config: { 'http.extraHeader': `Authorization: ${value}`, 'credential.helper': '' },
})

t.test('a credential that comes unasked saves the challenge', async t => {
  const { lab, remote, world } = await setTheStage(t)
  const { code, stderr } = await lab.git(['ls-remote', remote], authorization(basic()))
  t.equal(code, 0, stderr)
  t.equal(world.outcomes(), 'allow allow')
})

t.test('an address with a user name in it works, and is no failed attempt', async t => {
  const { lab, remoteWith, world } = await setTheStage(t)
  const { code, stderr } = await lab.git(['ls-remote', remoteWith('anna%40example.com@')])
  t.equal(code, 0, stderr)
  t.equal(lab.helperActions(), 'get store')
  t.match(world.outcomes(), /^(?:challenge )+allow allow$/)
  t.equal(world.hashes(), 1)
})

const names: Readonly<Record<string, { username: string; password: string; secondary?: string }>> = {
  'a user name with a letter that ASCII does not have': {
    username: 'aliçe@example.com',
    password: 'pässwörd',
  },
  'a domain and a backslash': { username: 'DOM\\bob', password: 'plain' },
  'a password with colons': { username: 'carol', password: 'p:w:d' },
}
for (const [what, credential] of Object.entries(names)) {
  t.test(`${what}: from the helper and from the address`, async t => {
    const { username, password } = credential
    const { lab, remote, remoteWith, world } = await setTheStage(t, { credentials: [credential] })
    lab.setCredential(username, password)
    const asked = await lab.git(['ls-remote', remote])
    t.equal(asked.code, 0, asked.stderr)
    const userinfo = `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`
    const written = await lab.git(['ls-remote', remoteWith(userinfo)])
    t.equal(written.code, 0, written.stderr)
    t.notMatch(world.outcomes(), /refused|garbled/)
  })
}

t.test('a password without a user name is told what is missing', async t => {
  const { lab, remoteWith, world } = await setTheStage(t)
  const { code, stderr } = await lab.git(['ls-remote', remoteWith(':a-token@')])
  t.equal(code, 128)
  t.match(stderr.replaceAll('\nremote: ', ' '), 'the user name is missing. ')
  t.equal(world.outcomes(), 'challenge garbled')
  t.equal(world.hashes(), 0)
})

t.test('a wrong password in the address is sent once', async t => {
  const { lab, remoteWith, world } = await setTheStage(t)
  const { code } = await lab.git(['ls-remote', remoteWith('anna%40example.com:wrong@')])
  t.equal(code, 128)
  t.equal(world.outcomes(), 'challenge refused')
})

t.test('a wrong password in .netrc gives way to the one in the helper', async t => {
  const { lab, remote, world } = await setTheStage(t)
  writeFileSync(join(lab.directory, '.home/.netrc'), 'machine 127.0.0.1 login anna password wrong\n')
  const { code, stderr } = await lab.git(['ls-remote', remote])
  t.equal(code, 0, stderr)
  t.match(world.outcomes(), /^challenge refused (?:challenge )?allow allow$/)
  t.equal(lab.helperActions(), 'get store')
})

const unreadable = {
  'another scheme': 'Bearer eyJhbGciOiJub25lIn0',
  'Base64 with a character too many': `${basic()}=`,
  'no colon': `Basic ${Buffer.from('anna').toString('base64')}`,
}
for (const [what, value] of Object.entries(unreadable)) {
  t.test(`a header that cannot be read costs no password check and goes nowhere: ${what}`, async t => {
    const { lab, remote, world, upstream } = await setTheStage(t)
    const { code } = await lab.git(['ls-remote', remote], authorization(value))
    t.equal(code, 128)
    t.equal(world.outcomes(), 'garbled')
    t.equal(world.hashes(), 0)
    t.strictSame(upstream.requests, [])
  })
}

t.test('a user name that would colour the terminal does not', async t => {
  const { lab, remoteWith, world } = await setTheStage(t)
  const { code, stderr } = await lab.git(['ls-remote', remoteWith('%1b[31mscarlet:pimpernel@')])
  t.equal(code, 128)
  const remote = stderr.split('\n').filter(line => line.startsWith('remote: '))
  t.ok(remote.length > 0)
  t.notMatch(remote.join('\n'), /[^ -~\n]|scarlet|pimpernel/)
  t.equal(world.outcomes(), 'challenge garbled')
})

t.test('each wrong password is erased once, hashed once, and delays no other user', async t => {
  const { lab, remote, world } = await setTheStage(t)
  lab.setCredential(anna.username, 'wrong')
  for (const _ of [1, 2]) await lab.git(['ls-remote', remote])
  t.equal(lab.helperActions(), 'get erase get erase', 'one erase for each wrong password')
  t.equal(world.hashes(), 1, 'the same wrong password is hashed once')
  lab.setCredential(anna.username, anna.password)
  const { code, stderr } = await lab.git(['ls-remote', remote])
  t.equal(code, 0, stderr)
})

t.test('a credential that is switched off is told so, and kept', async t => {
  const { lab, remote, upstream } = await setTheStage(t, { credentials: [{ ...anna, enabled: false }] })
  const { code, stderr } = await lab.git(['ls-remote', remote])
  t.equal(code, 128)
  t.match(stderr.replaceAll('\nremote: ', ' '), 'these alternate credentials are switched off.')
  t.match(stderr, 'The requested URL returned error: 403')
  t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
  t.strictSame(upstream.requests, [])
})
