import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { gitEnvironment } from './git.ts'

/** What smart HTTP asks for (gitprotocol-http); the rest of the name space is not git's. */
const gitPath = /^\/.+\.git\/(?:info\/refs|git-(?:upload|receive)-pack)$/

/** Longest CGI header block that is waited for, in bytes. */
const longestHead = 16_384

/** Whether `git http-backend` is to answer this path. */
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
  // Whoever went away needs no pack: counting objects for nobody can take minutes.
  response.on('close', () => child.kill())
  // git may answer without reading all of the body; what it said is the answer, not the broken pipe.
  child.stdin.on('error', () => {})
  // git begins its answer at once. Behind nginx that would be the end of a push: it sends nothing more of a body as soon
  // as an answer has begun.
  const fed = new Promise<void>(resolve => child.stdin.once('close', resolve))
  // Taken from git meanwhile: what nobody reads of a process that has ended, Node throws away.
  const answer = pipeline(child.stdout, new PassThrough(), () => {})
  request.pipe(child.stdin)
  child.on('error', () => response.destroy())
  sendAnswer(answer, response, fed).catch(() => response.destroy())
}

/** Names that are missing stay missing: an empty CONTENT_LENGTH would be read as a body of no bytes. */
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
