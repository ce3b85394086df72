import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { git, gitEnvironment, gitHttpBackend } from '../../src/demo/git-upstream.ts'
import { runApache } from '../support/apache.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { runNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { rawRequest } from '../support/raw-request.ts'

/** How one HTTP server reads a request target. */
export interface Parser {
  readonly name: string
  /** The path it would serve, decoded as it decodes it, or the status with which it refuses. */
  readonly read: (target: string) => Promise<string | number>
}

type Owner = Pick<Test, 'teardown'> & Parameters<typeof temporaryDirectory>[0]

/** The servers that stand behind a gateway most often, each run for real until the test ends. */
export async function startParsers(t: Owner): Promise<readonly Parser[]> {
  return Promise.all([node(t), nginx(t), apache(t)])
}

/** What a Node server sees that resolves targets as the WHATWG URL standard says. */
async function node(t: Owner): Promise<Parser> {
  const server = createServer((request, response) => {
    const url = URL.parse(request.url ?? '', 'http://upstream.invalid')
    response.setHeader('X-Path', encodeURI(url === null ? '' : decoded(url.pathname))).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return { name: 'Node', read: readerAt((server.address() as AddressInfo).port, decodeURI) } // listening on TCP
}

const author = {
  GIT_AUTHOR_NAME: 'Anna',
  GIT_AUTHOR_EMAIL: 'anna@example.com',
  GIT_COMMITTER_NAME: 'Anna',
  GIT_COMMITTER_EMAIL: 'anna@example.com',
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

async function nginx(t: Owner): Promise<Parser> {
  const directory = temporaryDirectory(t)
  const port = await freePort()
  const configuration = `
    worker_processes 1;
    pid ${directory}/pid;
    events { worker_connections 64; }
    http {
      access_log off;
      client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
      uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
      server { listen 127.0.0.1:${port}; location / { add_header X-Path $uri always; return 200; } }
    }`
  await runNginx(t as Test, { directory, configuration, port })
  return { name: 'nginx', read: readerAt(port) }
}

async function apache(t: Owner): Promise<Parser> {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'root'))
  const port = await freePort()
  const modules = ['mpm_event', 'authz_core', 'headers', 'rewrite']
  const lines = [
    ...modules.map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    `ServerRoot ${directory}`,
    'ServerName upstream.invalid',
    `Listen 127.0.0.1:${port}`,
    `PidFile ${directory}/pid`,
    `ErrorLog ${directory}/log`,
    `DocumentRoot ${directory}/root`,
    'AllowEncodedSlashes NoDecode',
    'RewriteEngine On',
    'RewriteRule .* - [R=204]',
    'Header always set X-Path "expr=%{REQUEST_URI}"',
  ]
  const file = join(directory, 'apache.conf')
  writeFileSync(file, `${lines.join('\n')}\n`)
  await runApache(t, { directory, file, port })
  return { name: 'Apache', read: readerAt(port) }
}

/** Servers write the path as they read it; `written` undoes what one had to do to put it into a header. */
function readerAt(port: number, written = (path: string) => path): Parser['read'] {
  return async target => {
    const answer = await rawRequest(
      port,
      `GET ${target} HTTP/1.1\r\nHost: upstream.invalid\r\nConnection: close\r\n\r\n`,
    )
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0)
    const path = /^X-Path: (.*)\r$/im.exec(answer)?.[1]
    return status < 300 && path !== undefined ? written(path) : status
  }
}

/**
 * Whose `r.git` `git http-backend` serves for a path: the account, or 404. It gets the path decoded, as CGI servers pass
 * it (RFC 3875, 4.1.5).
 */
export async function startGitBackend(
  t: Owner,
  accounts: readonly string[],
): Promise<(path: string) => Promise<string | number>> {
  const directory = temporaryDirectory(t)
  for (const name of accounts) {
    const repository = join(directory, name, 'r.git')
    await git(['init', '--quiet', '--bare', '--initial-branch', name, repository])
    const tree = await git(['-C', repository, 'hash-object', '-t', 'tree', '-w', '/dev/null'])
    // git shows a HEAD only once its branch has a commit.
    const commit = await git(['-C', repository, 'commit-tree', tree, '-m', name], author)
    await git(['-C', repository, 'update-ref', `refs/heads/${name}`, commit])
  }
  const program = await gitHttpBackend()
  const run = promisify(execFile)
  return async path => {
    if (decoded(path).includes('\0')) return 400 // no program can be started with such a variable
    const env = {
      ...gitEnvironment,
      GIT_PROJECT_ROOT: directory,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: 'GET',
      PATH_INFO: decoded(path),
      QUERY_STRING: '',
    }
    const { stdout } = await run(program, { env })
    return /^ref: refs\/heads\/(.+)$/m.exec(stdout)?.[1] ?? Number(/^Status: (\d+)/m.exec(stdout)?.[1])
  }
}
