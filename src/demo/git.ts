import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DemoCannotStart } from './cannot-start.ts'

const run = promisify(execFile)

/** The environment that git runs in here: nothing of the machine's or the person's configuration counts. */
export const gitEnvironment: Readonly<Record<string, string | undefined>> = {
  PATH: process.env['PATH'],
  LC_ALL: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
}

/** Runs git and gives what it printed. `env` comes on top of `gitEnvironment`. Throws if git fails. */
export async function git(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await run('git', args, { env: { ...gitEnvironment, ...env } })
  return stdout.trim()
}

/** The path of the program that serves repositories over HTTP. Throws `DemoCannotStart` if there is none. */
export async function gitHttpBackend(): Promise<string> {
  try {
    const program = join(await git(['--exec-path']), 'git-http-backend')
    await access(program)
    return program
  } catch {
    // Alpine and Fedora keep http-backend in a package of its own.
    throw new DemoCannotStart(
      'The demo needs git with "git http-backend": install git (Debian: apt-get install git).',
    )
  }
}
