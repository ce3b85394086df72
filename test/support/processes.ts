import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The hash lanes that are children of a process. */
export function lanesOf(parent: number): readonly number[] {
  return childrenOf(parent, '/hashing/lane.ts')
}

/** The workers that are children of a process. */
export function workersOf(parent: number): readonly number[] {
  return childrenOf(parent, '/worker.ts')
}

/** Whether a process runs; one that has ended but was not waited for yet does not. */
export function isRunning(pid: number): boolean {
  const stat = statOf(pid)
  return stat !== undefined && stat.state !== 'Z'
}

/** The niceness of each thread. */
export function nicenessOf(pid: number): readonly (number | undefined)[] {
  return readdirSync(`/proc/${pid}/task`).map(thread => statOf(`${pid}/task/${thread}`)?.nice)
}

/** What anybody on the machine, and its owner, can read about a process: command line and environment. */
export function visibleOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8')
}

/** Whether the process holds the server's end of the TCP connection between these ports. */
export function holdsConnection(pid: number, serverPort: number, clientPort: number): boolean {
  return connectionsHeld(pid, serverPort, new Set([clientPort])) > 0
}

/** How many sockets listen on a port of this machine. */
export function listenersOn(port: number): number {
  return tcpSockets(port).filter(({ remotePort }) => remotePort === 0).length
}

/** How many of the connections between a port of its host and those others the process holds the server's end of. */
export function connectionsHeld(pid: number, serverPort: number, clientPorts: ReadonlySet<number>): number {
  const theirs = tcpSockets(serverPort, pid).filter(({ remotePort }) => clientPorts.has(remotePort))
  const files = new Set(filesOf(pid))
  return theirs.filter(({ inode }) => files.has(`socket:[${inode}]`)).length
}

function childrenOf(parent: number, program: string): readonly number[] {
  const children = listedChildrenOf(parent) ?? running().filter(pid => statOf(pid)?.parent === parent)
  return children.filter(pid => isRunning(pid) && runs(pid, program))
}

/** From the kernel's lists, for a look at every process of a busy machine takes milliseconds; `undefined` where it keeps none. */
function listedChildrenOf(parent: number): readonly number[] | undefined {
  const lists = `/proc/${parent}/task`
  if (!existsSync(`${lists}/${parent}/children`)) return undefined
  try {
    const threads = readdirSync(lists)
    const listed = threads.flatMap(
      each => readFileSync(`${lists}/${each}/children`, 'utf8').match(/\d+/g) ?? [],
    )
    return listed.map(Number).toSorted((one, other) => one - other)
  } catch {
    return undefined // a thread has ended meanwhile
  }
}

function running(): readonly number[] {
  return readdirSync('/proc').map(Number).filter(isRunning)
}

function runs(pid: number, program: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program)
  } catch {
    return false // ended meanwhile
  }
}

function statOf(pid: number | string) {
  try {
    // After the name, which may hold anything, in parentheses: proc(5).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { state: fields[0], parent: Number(fields[1]), nice: Number(fields[16]) }
  } catch {
    return undefined
  }
}

/** The IPv4 sockets, of the host that a process runs on, with that port on its side, from the kernel's table. */
function tcpSockets(port: number, pid: number | 'self' = 'self') {
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .trim()
    .split('\n')
    .slice(1) // the names of the columns
    .map(line => line.trim().split(/\s+/))
    .map(row => ({ localPort: portIn(row[1]), remotePort: portIn(row[2]), inode: row[9] }))
    .filter(({ localPort }) => localPort === port)
}

/** Of an address as it stands there: hexadecimal, after a colon. That of a listening socket's other end is 0. */
function portIn(address = ''): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16)
}

function filesOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map(each => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${each}`)
    } catch {
      return '' // closed meanwhile
    }
  })
}
