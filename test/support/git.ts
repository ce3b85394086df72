import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'
import { run, succeeded, type Ran } from './run.ts'

export interface GitOptions {
  /** Extra settings, as with `git -c name=value`. */
  readonly config?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Where it runs; the laboratory's folder if left out. */
  readonly cwd?: string
}

/** One call of the credential helper, with what git wrote to it. */
export interface HelperCall {
  readonly action: string
  readonly said: string
}

/** Real git that knows nothing of the machine it runs on, with a credential helper that keeps a log. */
export interface GitLab {
  /** Its folder: clones go here. */
  readonly directory: string
  /** What git knows of its surroundings. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly git: (args: readonly string[], options?: GitOptions) => Promise<Ran>
  /** Like `git`, but throws unless it succeeds. */
  readonly must: (args: readonly string[], options?: GitOptions) => Promise<string>
  /** Settings of `env` that make git write what goes over the wire to a file, and what that file holds. */
  readonly wire: { readonly env: Readonly<Record<string, string>>; readonly seen: () => string }
  /** What the helper answers from now on. */
  readonly setCredential: (username: string, password: string) => void
  /** What git has asked of the helper since the last `forget`, oldest first. */
  readonly helperLog: () => readonly HelperCall[]
  /** The same in words: `get store`. */
  readonly helperActions: () => string
  readonly forget: () => void
}

/** Makes a laboratory in a temporary folder of the test. */
export function gitLab(t: Test): GitLab {
  const directory = temporaryDirectory(t)
  const home = join(directory, '.home')
  const log = join(home, 'log')
  const answer = join(home, 'answer')
  const helper = join(home, 'helper')
  const settings = join(home, 'config')
  mkdirSync(home)
  writeFileSync(helper, helperScript(home), { mode: 0o755 })
  writeFileSync(settings, settingsText(helper))
  for (const file of [answer, log]) writeFileSync(file, '')
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: settings,
    GIT_TERMINAL_PROMPT: '0',
  }

  const git: GitLab['git'] = (args, { config = {}, env: more = {}, cwd = directory } = {}) => {
    const words = Object.entries(config).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    return run('git', [...words, ...args], { cwd, env: { ...env, ...more } })
  }
  const wire = join(home, 'wire')
  const helperLog = () => readFileSync(log, 'utf8').split('---\n').filter(Boolean).map(readCall)
  return {
    directory,
    env,
    git,
    must: async (args, options) => succeeded(`git ${args.join(' ')}`, await git(args, options)),
    wire: {
      env: { GIT_TRACE_CURL: wire, GIT_TRACE_CURL_NO_DATA: '1', GIT_TRACE_PACKET: wire },
      seen: () => readFileSync(wire, 'utf8'),
    },
    setCredential: (username, password) =>
      writeFileSync(answer, `username=${username}\npassword=${password}\n`),
    helperLog,
    helperActions: () =>
      helperLog()
        .map(({ action }) => action)
        .join(' '),
    forget: () => writeFileSync(log, ''),
  }
}

/** A credential helper that answers from a file, and writes down what it is asked and told. */
function helperScript(home: string): string {
  return `#!/bin/sh
{ echo "$1"; cat; echo ---; } >> '${home}/log'
if [ "$1" = get ]; then cat '${home}/answer'; fi
`
}

function settingsText(helper: string): string {
  return `[user]
	name = Anna
	email = anna@example.com
[init]
	defaultBranch = main
[gc]
	auto = 0
[credential]
	helper = ${helper}
`
}

function readCall(text: string): HelperCall {
  const [action = '', ...said] = text.split('\n')
  return { action, said: said.join('\n') }
}
