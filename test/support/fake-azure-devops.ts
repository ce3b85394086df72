import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { gitHttpBackend, isGitPath, makeRepository, serveGit } from '../../src/demo/git-upstream.ts'
import {
  absent,
  badCredential,
  type CannedAnswer,
  challengeOf2017,
  challengeOfToday,
  claimsChallenge,
  methodNotAllowed,
  noRepository,
  outOfOrder,
  pushDenied,
  signInPage203,
  signInRedirect,
  throttled,
} from './azure-devops-answers.ts'
import { type TokenUser, tokenReader } from './azure-devops-tokens.ts'
import { temporaryDirectory } from './directory.ts'

/** What an organisation is at the moment. `connection`: a directory id, or Microsoft accounts. */
export interface Organisation {
  readonly connection: string
  /** How the anonymous question is answered; as today if left out. */
  readonly mood?: 'out-of-order' | 'throttled' | 'silent' | 'contradicting' | 'only-get'
  /** May read and not push. */
  readonly readOnly?: true
}

/** One request as it was on the wire. */
export interface Question {
  readonly method: string
  readonly path: string
  readonly rawHeaders: readonly string[]
}

/** A push, and as which user it arrived. */
export interface Push extends TokenUser {
  readonly path: string
}

/** A server that answers as Azure DevOps does, with real repositories behind it. */
export interface FakeAzureDevOps {
  readonly url: string
  /** The setting `address`, and `upstream`. */
  readonly template: string
  /** The organisation is like this from now on; `undefined`: there is none. */
  put(name: string, organisation: Organisation | undefined): void
  /** Everything that was asked, oldest first. */
  readonly requests: readonly Question[]
  /** How often somebody asked anonymously about an organisation, or about any. */
  questions(name?: string): number
  /** What users have pushed with tokens of their own, oldest first. */
  readonly pushes: readonly Push[]
  /** From now on it demands a new sign-in of those whose tokens it has seen. */
  demandSignIns(): void
  /** From now on it demands a newer token of those whose tokens it has seen, as after an event in the directory. */
  demandNewTokens(): void
  /** Questions are not answered until the function that it gives is called. */
  hold(): () => void
  /** The bare repository `<organisation>/welcome.git`, made with `repositories`. */
  repository(name: string): string
}

export interface FakeOptions {
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** Organisations with a repository `welcome`. */
  readonly repositories?: readonly string[]
  /** Personal access tokens, for Basic with any user name, and tokens for Bearer. */
  readonly tokens?: readonly string[]
  /** Issuers of the tokens of users, by directory id. */
  readonly issuers?: ReadonlyMap<string, string>
}

/** Starts it on a free port; it ends with the test. */
export async function startFakeAzureDevOps(t: Test, options: FakeOptions = {}): Promise<FakeAzureDevOps> {
  const { tls, repositories = [], tokens = [], issuers = new Map() } = options
  const readToken = tokenReader(issuers)
  const pushes: Push[] = []
  /** Sign-ins that tokens came from. */
  const seen = new Set<string>()
  let notGoodEnough: ReadonlySet<string> = new Set()
  const seenTokens = new Set<string>()
  let tooOld: ReadonlySet<string> = new Set()
  const organisations = new Map<string, Organisation>()
  const requests: Question[] = []
  const directory = temporaryDirectory(t)
  for (const name of repositories) await makeRepository(directory, `${name}/welcome`)
  const backend = repositories.length > 0 ? await gitHttpBackend() : ''
  let held = Promise.resolve()

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake')
    const name = url.pathname.split('/')[1] ?? ''
    const token = tokenIn(request.headers.authorization)
    if (token === undefined) {
      await held
      return send(request, response, anonymously(request, name, organisations.get(name)))
    }
    const organisation = organisations.get(name)
    if (organisation === undefined) return send(request, response, absent)
    const challenge = challengeOf(name, organisation)
    const isRest = url.pathname.includes('/_apis/')
    const user = tokens.includes(token) ? undefined : await readToken(token, organisation.connection)
    if (typeof user === 'object' && (notGoodEnough.has(user.session) || tooOld.has(token)))
      return send(request, response, claimsChallenge(challenge))
    if (typeof user === 'string') {
      const page = isRest && request.headers['x-tfs-fedauthredirect'] !== 'Suppress'
      return send(request, response, page ? signInPage203(challenge) : badCredential(challenge, isRest))
    }
    if (!isGitPath(url.pathname) || !existsSync(join(directory, repositoryIn(url.pathname))))
      return send(request, response, noRepository(url.pathname.split('/')[2] ?? ''))
    if (organisation.readOnly && url.href.includes('git-receive-pack'))
      return send(request, response, pushDenied())
    if (user !== undefined) seen.add(user.session)
    if (user !== undefined) seenTokens.add(token)
    if (user !== undefined && url.pathname.endsWith('/git-receive-pack'))
      pushes.push({ ...user, path: url.pathname })
    serveGit(backend, directory, url, request, response)
  }

  function listener(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url: path = '', rawHeaders } = request
    requests.push({ method, path, rawHeaders })
    answer(request, response).catch((error: unknown) => response.destroy(error as Error)) // as `Error` as they come
  }

  const files = tls && { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) }
  const server = files ? createTlsServer(files, listener) : createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo // listening on TCP
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`
  return {
    url,
    template: `${url}/{account}/`,
    put(name, organisation) {
      if (organisation === undefined) organisations.delete(name)
      else organisations.set(name, organisation)
    },
    requests,
    questions: name =>
      requests.filter(
        ({ path, rawHeaders }) =>
          !rawHeaders.some((text, at) => at % 2 === 0 && /^authorization$/i.test(text)) &&
          (name === undefined || path.startsWith(`/${name}/`)),
      ).length,
    pushes,
    demandSignIns: () => void (notGoodEnough = new Set(seen)),
    demandNewTokens: () => void (tooOld = new Set(seenTokens)),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
    repository: name => join(directory, name, 'welcome.git'),
  }
}

/** What somebody without a token gets; `undefined`: nothing, for ever. */
function anonymously(
  { method, url = '/', headers }: IncomingMessage,
  name: string,
  organisation: Organisation | undefined,
): CannedAnswer | undefined {
  if (organisation === undefined) return absent
  const challenge = challengeOf(name, organisation)
  switch (organisation.mood) {
    case 'silent':
      return undefined
    case 'throttled':
      return throttled(7)
    case 'out-of-order':
      return outOfOrder(organisation.connection)
    case 'contradicting':
      return {
        ...challenge,
        headers: {
          ...challenge.headers,
          'x-vss-resourcetenant': [
            '88888888-8888-4888-8888-888888888888',
            '99999999-9999-4999-8999-999999999999',
          ],
        },
      }
    case 'only-get':
      if (method === 'HEAD') return methodNotAllowed
  }
  const objects =
    headers['x-tfs-fedauthredirect'] === 'Suppress' || isGitPath(new URL(url, 'http://fake').pathname)
  return objects ? challenge : signInRedirect(challenge, name)
}

function challengeOf(name: string, { connection }: Organisation): CannedAnswer {
  return connection === 'msa' ? challengeOf2017(name) : challengeOfToday(name, connection)
}

function send(request: IncomingMessage, response: ServerResponse, answer: CannedAnswer | undefined): void {
  request.resume()
  if (answer === undefined) return
  for (const [name, value] of Object.entries(answer.headers))
    response.setHeader(name, typeof value === 'string' ? value : [...value])
  response.writeHead(answer.status).end(request.method === 'HEAD' ? undefined : answer.body)
}

/** `undefined`: anonymous. */
function tokenIn(authorization: string | undefined): string | undefined {
  const [scheme, value = ''] = authorization?.split(' ') ?? []
  if (scheme === 'Bearer') return value
  if (scheme === 'Basic')
    return Buffer.from(value, 'base64')
      .toString()
      .replace(/^[^:]*:/, '')
  return undefined
}

function repositoryIn(path: string): string {
  return path.replace(/\.git\/.*$/, '.git')
}
