import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createServer } from '../engine/http.ts'
import { DemoCannotStart } from './people.ts'

interface GitUpstreamOptions {
  /** Holds the bare repositories; a repository's path in it is its path in the address. */
  readonly directory: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

/** A running upstream. `close` aborts what is in progress. */
export interface GitUpstream {
  readonly url: string
  readonly close: () => Promise<void>
}

/**
 * A small demo upstream: repositories over smart HTTP, and on every other path an echo of the identity in the request. It
 * asks for no password: that is the gateway's job. Throws `DemoCannotStart`.
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

/** `undefined`: an invalid address, or one with broken escapes. */
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

/** The headers that a gateway adds, and whether the password was forwarded, which it should not be. */
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
      const taken = `The demo upstream needs port ${port}, which is already in use. Free it, or set another demo.upstreamPort.`
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

/** The paths of smart HTTP (gitprotocol-http); the others are not git's. */
const gitPath = /^\/.+\.git\/(?:info\/refs|git-(?:upload|receive)-pack)$/

/** Longest CGI header block that is accepted, in bytes. */
const longestHead = 16_384

/** Whether `git http-backend` answers this path. */
export function isGitPath(path: string): boolean {
  return gitPath.test(path)
}

/** Answers one request by `git http-backend` (CGI, RFC 3875), streaming both ways. */
export function serveGit(
  program: string,
  directory: string,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const child = spawn(program, {
    env: cgiEnvironment(directory, url, request),
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  // A client that has left needs no pack, and counting objects can take minutes.
  response.on('close', () => child.kill())
  // git may answer without reading all of the body; its answer counts, not the broken pipe.
  child.stdin.on('error', () => {})
  // git begins its answer at once. nginx stops sending a request body as soon as the answer begins, so a push would stall.
  const fed = new Promise<void>(resolve => child.stdin.once('close', resolve))
  // Read in the meantime: Node discards unread output of a process that has ended.
  const answer = pipeline(child.stdout, new PassThrough(), () => {})
  request.pipe(child.stdin)
  child.on('error', () => response.destroy())
  sendAnswer(answer, response, fed).catch(() => response.destroy())
}

/** Missing headers stay unset: an empty CONTENT_LENGTH would mean an empty body. */
function cgiEnvironment(
  directory: string,
  url: URL,
  request: IncomingMessage,
): Record<string, string | undefined> {
  const { headers } = request
  return {
    ...gitEnvironment,
    GIT_PROJECT_ROOT: directory,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.receivepack',
    GIT_CONFIG_VALUE_0: 'true',
    GIT_PROTOCOL: one(headers['git-protocol']),
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: request.method,
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    CONTENT_TYPE: headers['content-type'],
    CONTENT_LENGTH: headers['content-length'],
    HTTP_CONTENT_ENCODING: headers['content-encoding'],
    HTTP_ACCEPT: headers.accept,
    REMOTE_ADDR: request.socket.remoteAddress,
    REMOTE_USER: one(headers['x-forwarded-user']),
  }
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(', ')
}

/** CGI output: a head of `Name: value` lines with an optional `Status:`, an empty line, the body; all after `begin`. */
async function sendAnswer(output: Readable, response: ServerResponse, begin: Promise<void>): Promise<void> {
  await begin
  let head = Buffer.alloc(0)
  for await (const chunk of output as AsyncIterable<Buffer>) {
    if (response.headersSent) {
      if (!response.write(chunk)) await drained(response)
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1 && head.length > longestHead) break
    if (end === -1) continue
    sendHead(head.toString('latin1', 0, end), response)
    response.write(head.subarray(end + 4))
  }
  if (!response.headersSent) response.writeHead(502, { 'content-type': 'text/plain; charset=utf-8' })
  response.end()
}

function sendHead(head: string, response: ServerResponse): void {
  let status = 200
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else response.appendHeader(name, value)
  }
  response.writeHead(status)
}

/** Also when the client has gone: then `close` comes and `drain` never does. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    if (response.destroyed) return resolve()
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.once('drain', done).once('close', done)
  })
}

const run = promisify(execFile)

/** The environment of git here: neither the machine's nor the user's configuration applies. */
export const gitEnvironment: Readonly<Record<string, string | undefined>> = {
  PATH: process.env['PATH'],
  LC_ALL: 'C.UTF-8',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
}

/** Runs git with this input and returns its output. `env` is added to `gitEnvironment`. Throws if git fails. */
export async function git(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
): Promise<string> {
  const running = run('git', args, { env: { ...gitEnvironment, ...env } })
  running.child.stdin?.on('error', () => {}).end(input) // one that does not read it has failed, or needs none
  return (await running).stdout.trim()
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
      'The demo needs git with "git http-backend". Install git (Debian: apt-get install git).',
    )
  }
}

/** The same author and time for every repository, so that two demos have the same commits. */
const author = {
  GIT_AUTHOR_NAME: 'Altgate demo',
  GIT_AUTHOR_EMAIL: 'demo@example.com',
  GIT_AUTHOR_DATE: '2015-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Altgate demo',
  GIT_COMMITTER_EMAIL: 'demo@example.com',
  GIT_COMMITTER_DATE: '2015-01-01T00:00:00Z',
}

/** Creates the bare repository `<directory>/<name>.git` with one commit, a README, unless it exists. */
export async function makeRepository(directory: string, name: string): Promise<void> {
  const target = join(directory, `${name}.git`)
  if (existsSync(target)) return
  await mkdir(dirname(target), { recursive: true })
  // Created elsewhere and moved, so that an aborted start leaves no partial repository.
  const draft = await mkdtemp(join(directory, '.draft-'))
  try {
    const bare = join(draft, 'bare')
    await git(['init', '--quiet', '--bare', '--initial-branch=main', bare])
    const inBare = (args: readonly string[], input?: string) => git(['-C', bare, ...args], author, input)
    const readme = `# ${name}\n\nA demo repository behind Altgate.\n`
    const blob = await inBare(['hash-object', '-w', '--stdin'], readme)
    const tree = await inBare(['mktree'], `100644 blob ${blob}\tREADME.md\n`)
    const commit = await inBare(['commit-tree', tree, '-m', 'Say what this is'])
    await inBare(['update-ref', 'refs/heads/main', commit])
    await rename(bare, target)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
