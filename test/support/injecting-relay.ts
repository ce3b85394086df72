import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A line to a server that can send what the server did not, lose what it did, and be cut. */
export interface InjectingRelay {
  /** The address of the server with the relay's port in it. */
  readonly url: string
  /** Sends bytes to every client that is connected, as if the server had. */
  inject(bytes: Uint8Array | string): void
  /** From now on each answer passes through it; `undefined` for as it is. */
  alter(change: ((bytes: Buffer) => Buffer) | undefined): void
  /**
   * The next connection that sends these bytes, the first and later the second, is cut, once the server has them and before it can answer; `forGood`: and
   * none is taken after it.
   */
  cutAfter(first: string, second: string, options?: { readonly forGood?: boolean }): void
  /** Takes no connections and cuts those there are, until `join`. */
  part(): void
  join(): void
  /** Connections are taken and kept, and nothing passes, until `join`. */
  hang(): void
  /** How many connections were ever made. */
  connections(): number
}

/** Starts a relay to `scheme://…host:port…`; it ends with the test. */
export async function startInjectingRelay(t: Pick<Test, 'teardown'>, to: string): Promise<InjectingRelay> {
  const { hostname, port } = new URL(to)
  const pairs = new Set<readonly [near: Socket, far: Socket]>()
  let change: ((bytes: Buffer) => Buffer) | undefined
  let fatal: { readonly first: string; readonly second: string; readonly forGood: boolean } | undefined
  let state: 'joined' | 'parted' | 'hung' = 'joined'
  let made = 0

  const server = createServer(near => {
    made += 1
    if (state === 'parted') return near.on('error', () => {}).destroy()
    const far = connect(Number(port), hostname)
    const pair = [near, far] as const
    pairs.add(pair)
    let begun = false
    let last = false
    near.on('data', (chunk: Buffer) => {
      if (fatal !== undefined && chunk.includes(fatal.first)) begun = true
      if (fatal !== undefined && begun && chunk.includes(fatal.second)) {
        last = true
        if (fatal.forGood) state = 'parted'
        fatal = undefined
      }
      far.write(chunk)
      if (!last) return
      // The server has it when it answers; the answer goes nowhere.
      near.pause()
    })
    far.on('data', (chunk: Buffer) => {
      if (last) return void near.destroy()
      near.write(change === undefined ? chunk : change(chunk))
    })
    near
      .on('error', () => {})
      .on('close', () => {
        pairs.delete(pair)
        far.destroy()
      })
    far.on('error', () => {}).on('close', () => near.end())
    if (state === 'hung') for (const socket of pair) socket.pause()
    return near
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    server.close()
  })
  return {
    url: to.replace(/:\d+(?=\/|$)/, `:${(server.address() as AddressInfo).port}`), // a TCP server: never a pipe's name
    inject(bytes) {
      for (const [near] of pairs) near.write(bytes)
    },
    alter: next => (change = next),
    cutAfter: (first, second, { forGood = false } = {}) => (fatal = { first, second, forGood }),
    part() {
      state = 'parted'
      for (const [near] of pairs) near.destroy()
    },
    hang() {
      state = 'hung'
      for (const pair of pairs) for (const socket of pair) socket.pause()
    },
    join() {
      if (state === 'hung') for (const pair of pairs) for (const socket of pair) socket.resume()
      state = 'joined'
    },
    connections: () => made,
  }
}
