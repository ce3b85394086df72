import { join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { checkout, start } from '../support/program.ts'
import { until } from '../support/until.ts'

const program = join(checkout, 'src/demo/upstream.ts')

t.test('the demo upstream by itself serves the repository of each demo account, until SIGTERM', async t => {
  const lab = gitLab(t)
  const words = [program, '--port', '0', '--directory', temporaryDirectory(t)]
  const upstream = start(t, words, process.env)
  await until(() => upstream.ended() || upstream.printed().includes('\n'))
  const port = /at http:\/\/0\.0\.0\.0:(\d+)\n$/.exec(upstream.printed())?.[1]

  for (const account of ['fabrikam', 'contoso', 'contoso-labs', 'northwind']) {
    await lab.must(['clone', `http://127.0.0.1:${port}/${account}/welcome.git`, account])
  }
  t.equal(await upstream.stop(), 0)
})

t.test('a machine without git is told in one sentence', async t => {
  const empty = temporaryDirectory(t)
  const upstream = start(t, [program, '--port', '0', '--directory', empty], { PATH: empty })
  await until(upstream.ended)
  t.match(upstream.printed(), /^The demo needs git .*\. Install git \(Debian: apt-get install git\)\.\n$/)
  t.equal(await upstream.stop(), 1)
})

t.test('an invalid port is reported in one sentence', async t => {
  const upstream = start(t, [program, '--port', '80x'], process.env)
  await until(upstream.ended)
  t.equal(upstream.printed(), '--port must be a whole number from 0 to 65535.\n')
  t.equal(await upstream.stop(), 1)
})
