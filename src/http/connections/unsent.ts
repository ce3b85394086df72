import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Asks how many bytes of a connection the peer has yet to confirm, from the kernel's table, which is read once, when it
 * is first asked. 0 where there is no such table.
 */
export function createUnsent(): (socket: Socket) => number {
  let table: ReadonlyMap<string, number> | undefined
  return ({ localPort, remotePort }) => {
    table ??= readTable()
    return table.get(`${localPort} ${remotePort}`) ?? 0
  }
}

function readTable(): ReadonlyMap<string, number> {
  return new Map(['/proc/net/tcp', '/proc/net/tcp6'].flatMap(rowsOf))
}

/** proc_pid_net(5): addresses with their ports in hexadecimal, then the state, then what is queued to be sent. */
function rowsOf(file: string): (readonly [string, number])[] {
  try {
    return readFileSync(file, 'latin1')
      .split('\n')
      .slice(1, -1)
      .map(line => line.trim().split(/\s+/))
      .map(([, local = '', remote = '', , queues = '']) => [
        `${portIn(local)} ${portIn(remote)}`,
        Number.parseInt(queues, 16),
      ])
  } catch {
    return []
  }
}

function portIn(address: string): number {
  return Number.parseInt(address.slice(address.indexOf(':') + 1), 16)
}
