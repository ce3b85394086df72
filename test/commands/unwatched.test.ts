// Commands say of which users it would not be noticed that they have left.
import t from 'tap'
import { client, directory } from '../delegation/refresh-provider.ts'
import { aSignInDesk, ownerOf, type SignInDesk, scope } from './sign-ins.ts'

const list = ['credential', 'list', '--scope', scope]
const show = (user: string) => ['credential', 'show', '--scope', scope, '--user', `${user}@example.com`]
const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`

async function aDesk(t: Parameters<typeof aSignInDesk>[0]) {
  const desk = await aSignInDesk(t)
  const its = { issuer: desk.provider.issuer, clientId: client.id, clientSecret: client.secret }
  const configure = (liveness: object | undefined) =>
    void Object.assign(desk.env, {
      ALTGATE__SIGNIN__DIRECTORIES: JSON.stringify({
        [directory]: { ...its, ...(liveness && { liveness }) },
      }),
    })
  await desk.signIn('anna')
  await desk.signIn('boris')
  await desk.registry.endGrant('page:boris', { scope, owner: ownerOf('boris') }, 'disconnected')
  await desk.must(['credential', 'set', '--scope', scope, '--user', 'robot@example.com'], 'canary-robot')
  return { desk, configure }
}

async function checked(desk: SignInDesk): Promise<string | undefined> {
  const { stdout } = await desk.run(['check'])
  return stdout.split('\n').find(line => line.includes('  liveness  '))
}

t.test('list, show, check and explain say who is not checked, and until when it works', async t => {
  const { desk, configure } = await aDesk(t)
  const told = async () =>
    ((await desk.json(list)) as readonly { liveness: object }[]).map(({ liveness }) => liveness)

  await t.test('without liveness no one is', async t => {
    t.strictSame(await told(), Array(3).fill({ watched: false, because: 'not-set' }))
    t.match(
      await desk.must(show('anna')),
      /^liveness {3}not checked: signIn has no liveness for this scope, so it keeps working when the user leaves the directory$/m,
    )
    t.equal(
      await checked(desk),
      `ok      liveness    scope ${scope}: 3 of 3 credentials keep working when their users leave: signIn has no liveness for this scope`,
    )
  })

  await t.test('with liveness those who have signed in are', async t => {
    configure({ everySeconds: 600 })
    t.strictSame(await told(), [
      { watched: true, everySeconds: 600 },
      { watched: false, because: 'ended' },
      { watched: false, because: 'no-owner' },
    ])
    t.match(await desk.must(show('anna')), /^liveness {3}checked every 600 seconds$/m)
    t.match(
      await desk.must(show('robot')),
      /^liveness {3}not checked: a command set the password, and no user has claimed it since, so it keeps working/m,
    )
    t.equal(
      await checked(desk),
      `ok      liveness    scope ${scope}: 2 of 3 credentials belong to users who cannot be checked; 2 keep working when their users leave; see altgate credential list --scope ${scope} --json`,
    )
  })

  await t.test('with an end, it is told', async t => {
    configure({ everySeconds: 600, unwatchedDays: 30, unwatchedUsers: ['Robot@Example.com'] })
    t.match(await told(), [
      { watched: true },
      { watched: false, because: 'ended', until: /^\d{4}-/ },
      { watched: false, because: 'no-owner', until: undefined },
    ])
    t.match(
      await desk.must(show('boris')),
      new RegExp(
        `^liveness {3}not checked: the sign-in has ended; switched off ${date} unless the user signs in on the page$`,
        'm',
      ),
    )
    t.match(
      await checked(desk),
      '1 keep working when their users leave; 1 end without a sign-in, 0 of them now; see altgate',
    )
  })

  await t.test('explain says it for a right password', async t => {
    await desk.must(['account', 'add', 'a', '--upstream', 'https://tfs.example', '--directory', directory])
    const explain = (password: string) =>
      desk.must(['explain', '--account', 'a', '--user', 'robot@example.com'], password)
    t.match(await explain('canary-robot'), /^liveness {4}not checked: a command set the password/m)
    t.notMatch(await explain('wrong'), 'liveness')
  })
})
