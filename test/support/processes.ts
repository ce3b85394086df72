import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

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

/** Whether the process holds the server's end of the TCP connection between these ports of this machine. */
export function holdsConnection(pid: number, serverPort: number, clientPort: number): boolean {
  const inode = inodeOf(serverPort, clientPort)
  return inode !== undefined && filesOf(pid).includes(`socket:[${inode}]`)
}

/** How many sockets listen on a port of this machine. */
export function listenersOn(port: number): number {
  return tcpSockets(port, 0).length
}

function childrenOf(parent: number, program: string): readonly number[] {
  return running().filter(pid => statOf(pid)?.parent === parent && runs(pid, program))
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

function inodeOf(localPort: number, remotePort: number): string | undefined {
  return tcpSockets(localPort, remotePort)[0]?.[9]
}

/** The kernel's table of IPv4 sockets; ports stand in it as four hexadecimal digits. A listening one has no other end. */
function tcpSockets(localPort: number, remotePort: number): readonly (readonly string[])[] {
  const [local, remote] = [localPort, remotePort].map(
    port => `:${port.toString(16).toUpperCase().padStart(4, '0')}`,
  )
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
  return rows.filter(row => row[1]?.endsWith(local ?? '') && row[2]?.endsWith(remote ?? ''))
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
