import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { Test } from 'tap'

/** A machine of its own as far as the network goes: a network namespace, one interface, one address. */
export interface Host {
  readonly name: string
  readonly address: string
  /** The words that come before a program to run it there. */
  readonly within: readonly string[]
}

/** Set for what runs among the hosts. */
const variable = 'ALTGATE_AMONG_HOSTS'

/** Whether this process may make hosts: it was started by `amongHosts`. */
export const isAmongHosts = process.env[variable] === 'yes'

/**
 * The words that run a file of ours where it can make hosts: in namespaces for network, mounts and processes of its own.
 * All of them end with it, and it ends with us, however that comes about: nothing is left on this machine.
 */
export function amongHosts(file: string, args: readonly string[] = []) {
  const apart = '--net --mount --pid --fork --kill-child --mount-proc'.split(' ')
  const ours = [process.execPath, ...process.execArgv, file, ...args]
  // Without what tap hands down to its children: `files.ts` says why.
  const inside = ['env', '--unset=NODE_OPTIONS', `${variable}=yes`, ...ours]
  const words = ['--pdeathsig', 'KILL', 'unshare', ...apart, ...inside]
  return { program: 'setpriv', words }
}

/** Milliseconds that a file may take: a dozen processes start on hosts that share one machine. */
const longest = 360_000

/**
 * For the top of a test file: runs it once more where it can make hosts, and reports what it says. Fails with the reason
 * where that is not allowed.
 */
export async function repeatAmongHosts(t: Test, file: string): Promise<void> {
  const flaw = whyNot()
  if (flaw !== undefined) return void t.fail(flaw)
  const { program, words } = amongHosts(file)
  t.setTimeout(longest)
  await t.spawn(program, words, { timeout: longest }, 'among hosts of their own')
}

/** Why this machine cannot have hosts; `undefined` if it can. */
export function whyNot(): string | undefined {
  try {
    const make = 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns add trial'
    execFileSync('unshare', ['--net', '--mount', '--pid', '--fork', '--mount-proc', 'sh', '-c', make], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return undefined
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error)
    return `Hosts for these tests are network namespaces, which only root may make, with iproute2 and util-linux: ${said}`
  }
}

/** Where this process is, for the hosts: they can be reached from here, and here from them. */
export const here: Host = { name: 'here', address: '10.77.0.1', within: [] }

/** Makes hosts that are wired to one switch. Once in a process, which `isAmongHosts`. */
export function makeHosts<Name extends string>(names: readonly Name[]): Record<Name, Host> {
  ip('link', 'set', 'lo', 'up')
  // `ip` keeps its names there; ours are hidden from everybody else, and go with us.
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run'])
  mkdirSync('/run/netns')
  ip('link', 'add', 'switch', 'type', 'bridge')
  ip('addr', 'add', `${here.address}/24`, 'dev', 'switch')
  ip('link', 'set', 'switch', 'up')
  const hosts = names.map((name, at): [Name, Host] => {
    const address = `10.77.0.${at + 2}`
    ip('netns', 'add', name)
    ip('link', 'add', `port-${at}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    ip('link', 'set', `port-${at}`, 'master', 'switch', 'up')
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', name, 'link', 'set', 'eth0', 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')
    return [name, { name, address, within: ['ip', 'netns', 'exec', name] }]
  })
  return Object.fromEntries(hosts) as Record<Name, Host>
}

/** No card has this address: what is sent there is lost without a word. */
const nowhere = '02:00:00:00:00:99'

/** From now on nothing that one of these hosts sends reaches the other, and neither is told. */
export function cut(one: Host, other: Host): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const)
    neighbour(from, 'replace', to.address, 'lladdr', nowhere, 'nud', 'permanent')
}

/** Ends the cut: what is sent again arrives. */
export function mend(one: Host, other: Host): void {
  neighbour(one, 'del', other.address)
  neighbour(other, 'del', one.address)
}

function neighbour({ name, within }: Host, action: string, ...words: readonly string[]): void {
  const where = within.length === 0 ? [] : ['-n', name]
  ip(...where, 'neigh', action, ...words, 'dev', within.length === 0 ? 'switch' : 'eth0')
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] })
}
