import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeRepository } from '../../src/demo/git-upstream.ts'
import { gitLab } from '../support/git.ts'

t.test('a demo repository holds one commit, the same on every machine', async t => {
  const { git } = gitLab(t)
  const directory = t.testdir({ one: {}, two: {} })
  await makeRepository(join(directory, 'one'), 'fabrikam/welcome')
  await makeRepository(join(directory, 'two'), 'fabrikam/welcome')

  const heads = await Promise.all(
    ['one', 'two'].map(name =>
      git(['-C', join(directory, name, 'fabrikam/welcome.git'), 'rev-parse', 'main']),
    ),
  )
  t.match(heads[0]?.stdout, /^[0-9a-f]{40}\n$/)
  t.equal(heads[0]?.stdout, heads[1]?.stdout)
})

t.test('making it again leaves what people have pushed', async t => {
  const lab = gitLab(t)
  const bare = join(lab.directory, 'fabrikam/welcome.git')
  await makeRepository(lab.directory, 'fabrikam/welcome')
  const clone = join(lab.directory, 'clone')
  await lab.git(['clone', bare, clone])
  await lab.git(['commit', '--allow-empty', '--message=mine'], { cwd: clone })
  await lab.must(['push'], { cwd: clone })

  await makeRepository(lab.directory, 'fabrikam/welcome')
  t.match((await lab.git(['-C', bare, 'log', '-1', '--format=%s', 'main'])).stdout, 'mine')
  t.strictSame(
    readdirSync(lab.directory).filter(name => name.startsWith('.draft')),
    [],
    'no drafts are left',
  )
})
