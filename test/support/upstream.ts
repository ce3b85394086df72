import { join } from 'node:path'
import type { Test } from 'tap'
import { type GitUpstream, makeRepository, startGitUpstream } from '../../src/demo/git-upstream.ts'
import { temporaryDirectory } from './directory.ts'

/** Real repositories behind `git http-backend`. */
export interface Upstream extends GitUpstream {
  /** The bare repository `<account>/welcome.git`. */
  repository(account: string): string
}

/** Serves a repository `welcome` for each of the accounts; it ends with the test. */
export async function startUpstream(t: Test, accounts: readonly string[]): Promise<Upstream> {
  const directory = temporaryDirectory(t)
  for (const account of accounts) await makeRepository(directory, `${account}/welcome`)
  const { url, close } = await startGitUpstream({ directory, host: '127.0.0.1', port: 0 })
  t.teardown(close)
  return { url, close, repository: account => join(directory, account, 'welcome.git') }
}
