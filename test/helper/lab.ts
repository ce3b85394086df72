import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { checkout } from '../support/program.ts'
import { run, type Ran, type RunOptions } from '../support/run.ts'
import { until } from '../support/until.ts'
import { type PlayedGateway, playGateway } from './gateway.ts'

/** The program under test, as the gateway serves it. */
export const helper = join(checkout, 'src/self-service/assets/altgate-git-credential')

/** A shell, and what comes before the script's name to run it. */
export type Shell = 'dash' | 'bash' | 'busybox'

export const shells: readonly Shell[] = ['dash', 'bash', 'busybox']

/** The programs that the script uses; those of busybox take the place of the others where busybox is the shell. */
const tools = 'awk cat cut date find grep head mkdir mv od rm rmdir sed sleep tr uname'.split(' ')

/** A home with git settings of its own, where the helper runs. */
export interface HelperLab {
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  /** Runs the helper with these words; `get` and the like read `stdin`. There is no terminal. */
  readonly call: (words: readonly string[], options?: RunOptions) => Promise<Ran>
  /** Runs git, without a terminal. */
  readonly git: (words: readonly string[], options?: RunOptions) => Promise<Ran>
  /** What git writes when it asks for the password of a repository of this account. */
  readonly ask: (account?: string, more?: Readonly<Record<string, string>>) => string
  /** Starts a command on a terminal of its own. */
  readonly onTerminal: (command: string, env?: Readonly<Record<string, string>>) => Terminal
  /** What git's store has on disk. */
  readonly stored: () => string
  /** The turns that a process has taken and not given back. */
  readonly turns: () => readonly string[]
}

/** A command that runs on a terminal. */
export interface Terminal {
  readonly pid: number
  /** What the terminal shows so far. */
  readonly seen: () => string
  readonly type: (text: string) => void
  readonly exit: () => Promise<number>
}

/** A home for the helper, run by this shell and installed for the gateway at `url`, with git's plain store. */
export async function helperLab(t: Test, url: string, shell: Shell = 'dash'): Promise<HelperLab> {
  const home = temporaryDirectory(t)
  const bin = join(home, 'bin')
  mkdirSync(bin)
  if (shell === 'busybox') {
    const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim()
    for (const tool of [...tools, 'sh']) symlinkSync(busybox, join(bin, tool))
  } else symlinkSync(`/bin/${shell}`, join(bin, 'sh'))
  // By the shell under test, whichever is the system's.
  const program = join(bin, 'altgate-git-credential')
  writeFileSync(program, readFileSync(helper, 'utf8').replace('#!/bin/sh', `#!${join(bin, 'sh')}`), {
    mode: 0o755,
  })
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    TERM: 'dumb',
  }
  // In a session of its own: none has a terminal, also where the tests are run on one.
  const alone = (words: readonly string[], options?: RunOptions) =>
    run('setsid', ['--wait', ...words], { cwd: home, env, ...options })
  const call: HelperLab['call'] = (words, options) => alone([program, ...words], options)
  const installed = await call(['install', url, '--store', 'store'])
  if (installed.code !== 0) throw new Error(installed.stderr)
  const { protocol, host } = new URL(url)
  return {
    home,
    env,
    call,
    git: (words, options) => alone(['git', ...words], options),
    ask: (account = 'contoso', more = {}) =>
      Object.entries({ protocol: protocol.slice(0, -1), host, path: `${account}/welcome.git`, ...more })
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    onTerminal: (command, more = {}) => onTerminal(t, command, { cwd: home, env: { ...env, ...more } }),
    stored() {
      try {
        return readFileSync(join(home, '.git-credentials'), 'utf8')
      } catch {
        return ''
      }
    },
    turns() {
      const folder = join(home, '.cache/altgate-git-credential')
      return existsSync(folder) ? readdirSync(folder) : []
    },
  }
}

/** A played gateway, and a home where the helper is installed for it. */
export interface World {
  readonly gateway: PlayedGateway
  readonly lab: HelperLab
  /** git asks for a password. */
  readonly get: (account?: string, env?: Readonly<Record<string, string>>) => Promise<Ran>
  /** Signs in on a terminal, and enters the code. */
  readonly signIn: (account?: string) => Promise<void>
  /** Moves the ends that are kept, as if so many seconds had passed. */
  readonly pass: (seconds: number) => void
}

export async function aWorld(
  t: Test,
  shell?: Shell,
  tls?: Parameters<typeof playGateway>[2],
): Promise<World> {
  const gateway = await playGateway(t, ['contoso', 'fabrikam'], tls)
  const lab = await helperLab(t, gateway.url, shell)
  return {
    gateway,
    lab,
    get: (account, env = {}) =>
      lab.call(['--url', gateway.url, 'get'], { stdin: lab.ask(account), env: { ...lab.env, ...env } }),
    async signIn(account = 'contoso') {
      const terminal = lab.onTerminal(`altgate-git-credential sign-in ${gateway.url}/${account}`)
      await until(() => terminal.seen().includes('Waiting for at most'))
      gateway.approve()
      const code = await terminal.exit()
      if (code !== 0) throw new Error(terminal.seen())
    },
    pass(seconds) {
      const moved = lab
        .stored()
        .replaceAll(
          /:1%20(\d+)%20(\d+)/g,
          (_, a, b) => `:1%20${Number(a) - seconds}%20${Number(b) - seconds}`,
        )
      writeFileSync(join(lab.home, '.git-credentials'), moved)
    },
  }
}

function onTerminal(t: Test, command: string, options: RunOptions): Terminal {
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    ...options,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let seen = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (seen += text))
  }
  const ended = once(child, 'close')
  child.stdin.on('error', () => {})
  t.teardown(async () => {
    if (child.exitCode === null) child.kill()
    await ended
  })
  return {
    pid: child.pid ?? -1,
    seen: () => seen.replaceAll('\r', ''),
    type: text => void child.stdin.write(text),
    async exit() {
      await ended
      return child.exitCode ?? -1
    },
  }
}

/** The attributes that a helper gave to git. */
export function attributes({ stdout }: Pick<Ran, 'stdout'>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    stdout
      .split('\n')
      .filter(Boolean)
      .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}
