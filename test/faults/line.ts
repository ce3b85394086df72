import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { reset } from '../support/reset.ts'

/** What a network can do to the bytes between two programs. */
export type LineFault =
  | { readonly kind: 'none' }
  /** Connections are refused, and those that are open are reset. */
  | { readonly kind: 'refused' }
  /** Connections open, and every byte vanishes: a firewall that drops packets. */
  | { readonly kind: 'silent' }
  /** Bytes of the server arrive so much later. */
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** These bytes come at once, once on each connection. */
  | { readonly kind: 'surplus'; readonly bytes: string }
  /** The server gets nothing, and these bytes answer whatever was sent to it. */
  | { readonly kind: 'says'; readonly bytes: string }
  /** So many of the server's next bytes are lost, once on each connection. */
  | { readonly kind: 'lost'; readonly count: number }
  /** The server's bytes are replaced by others of the same number. */
  | { readonly kind: 'rubbish' }
  /** Each connection is reset after so many more bytes of the server. */
  | { readonly kind: 'cut'; readonly afterBytes: number }

/** A TCP line to a server that can be broken and mended while programs use it. */
export interface Line {
  readonly port: number
  /** From now on, for connections that are open and for new ones. */
  set(fault: LineFault): void
  /** Resets every connection that is open. */
  reset(): void
}

/** Starts a line to a port of this machine; it ends with the test. */
export async function startLine(t: Pick<Test, 'teardown'>, to: number): Promise<Line> {
  let fault: LineFault = { kind: 'none' }
  let turn = 0
  const pairs = new Set<readonly [near: Socket, far: Socket]>()

  const server = createServer(near => {
    if (fault.kind === 'refused') return reset(near)
    const far = connect({ port: to, host: '127.0.0.1', noDelay: true })
    const pair = [near, far] as const
    pairs.add(pair)
    if (fault.kind === 'surplus') near.write(fault.bytes, 'latin1')
    let [done, seen] = [-1, 0]
    near.on('data', chunk => {
      if (fault.kind === 'says') near.write(fault.bytes, 'latin1')
      else if (fault.kind !== 'silent') far.write(chunk)
    })
    far.on('data', async (chunk: Buffer) => {
      const now = fault
      const first = done !== turn
      done = turn
      switch (now.kind) {
        case 'silent':
          return
        case 'slow':
          await delay(now.milliseconds)
          return void near.write(chunk)
        case 'lost':
          return void near.write(first ? chunk.subarray(now.count) : chunk)
        case 'rubbish':
          return void near.write(Buffer.alloc(chunk.length, '\xff\r\n*9\0', 'latin1'))
        case 'cut':
          if (first) seen = 0
          seen += chunk.length
          if (seen > now.afterBytes) return reset(near)
          return void near.write(chunk)
        default:
          return void near.write(chunk)
      }
    })
    for (const socket of pair) {
      socket.on('error', () => {})
      socket.on('close', () => {
        pairs.delete(pair)
        near.destroy()
        far.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const resetAll = () => {
    for (const [near, far] of pairs) {
      reset(near)
      far.destroy()
    }
  }
  t.teardown(() => {
    server.close()
    resetAll()
  })
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    set(next) {
      fault = next
      turn++
      if (next.kind === 'refused') resetAll()
      if (next.kind === 'surplus') for (const [near] of pairs) near.write(next.bytes, 'latin1')
    },
    reset: resetAll,
  }
}
