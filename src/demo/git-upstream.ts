import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DemoCannotStart } from './cannot-start.ts'
import { gitHttpBackend } from './git.ts'
import { isGitPath, serveGit } from './http-backend.ts'

export interface GitUpstreamOptions {
  /** Holds the bare repositories; a repository's path in it is its path in the address. */
  readonly directory: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

/** A started upstream. `close` breaks off what is under way. */
export interface GitUpstream {
  readonly url: string
  readonly close: () => Promise<void>
}

/**
 * A small upstream to look at: repositories over smart HTTP, and on every other path an echo of who the request
 * says it is from. It asks nobody for a password: that is what the gateway is for. Throws `DemoCannotStart`.
 */
export async function startGitUpstream({ directory, host, port }: GitUpstreamOptions): Promise<GitUpstream> {
  const program = await gitHttpBackend()
  const server = createServer((request, response) => {
    const url = addressOf(request)
    if (url !== undefined && isGitPath(url.pathname))
      return serveGit(program, directory, url, request, response)
    request.resume()
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.end(request.method === 'HEAD' ? undefined : echo(request))
  })
  // A push of some gigabytes over a slow line takes longer than Node's five minutes.
  server.requestTimeout = 0
  await listen(server, host, port)
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`, // a TCP server: never a pipe's string
    close: () => close(server),
  }
}

/** `undefined`: no address that git could know, or one with broken escapes. */
function addressOf(request: IncomingMessage): URL | undefined {
  const url = URL.parse(request.url ?? '', 'http://upstream')
  if (url === null) return undefined
  try {
    decodeURIComponent(url.pathname)
    return url
  } catch {
    return undefined
  }
}

/** The headers that a gateway adds, and whether the password came along, which it should not. */
function echo(request: IncomingMessage): string {
  const told = Object.entries(request.headers).filter(([name]) =>
    /^x-(?:forwarded|altgate|request)-/.test(name),
  )
  return [
    'This is the demo upstream. The request came with:',
    '',
    `${request.method} ${request.url}`,
    ...told.map(([name, value]) => `${name}: ${String(value)}`),
    request.headers.authorization === undefined ? 'no authorization header' : 'authorization: [not shown]',
    '',
  ].join('\n')
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `Port ${port} is taken, and the demo upstream needs it: free it, or set another demo.upstreamPort.`
      reject(error.code === 'EADDRINUSE' ? new DemoCannotStart(taken) : error)
    })
    server.listen(port, host, resolve)
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
