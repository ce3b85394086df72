import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { git } from './git.ts'

/** The same person and time for every repository: two demos have the same commits. */
const somebody = {
  GIT_AUTHOR_NAME: 'Altgate demo',
  GIT_AUTHOR_EMAIL: 'demo@example.com',
  GIT_AUTHOR_DATE: '2015-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Altgate demo',
  GIT_COMMITTER_EMAIL: 'demo@example.com',
  GIT_COMMITTER_DATE: '2015-01-01T00:00:00Z',
}

/** Makes the bare repository `<directory>/<name>.git` with one commit, a README; leaves one that is there. */
export async function makeRepository(directory: string, name: string): Promise<void> {
  const target = join(directory, `${name}.git`)
  if (existsSync(target)) return
  await mkdir(dirname(target), { recursive: true })
  // Made elsewhere and moved: a start that is broken off leaves no half repository behind.
  const draft = await mkdtemp(join(directory, '.draft-'))
  try {
    const tree = join(draft, 'tree')
    const bare = join(draft, 'bare')
    await git(['init', '--quiet', '--initial-branch=main', tree])
    await writeFile(join(tree, 'README.md'), `# ${name}\n\nA demo repository behind Altgate.\n`)
    await git(['-C', tree, 'add', 'README.md'])
    await git(['-C', tree, 'commit', '--quiet', '--message=Say what this is'], somebody)
    await git(['clone', '--quiet', '--bare', tree, bare])
    await git(['-C', bare, 'remote', 'remove', 'origin'])
    await rename(bare, target)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
