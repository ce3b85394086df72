import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { openGrants } from '../../src/delegation/index.ts'
import {
  type AccountName,
  type DirectoryId,
  foldUsername,
  type Owner,
  type Scope,
} from '../../src/gateway/names.ts'
import type { Registry } from '../../src/gateway/registry.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { client, directory, type RefreshProvider } from '../delegation/refresh-provider.ts'
import { silently } from '../store/samples.ts'
import type { Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { type RecordingUpstream, recordingUpstream } from '../support/recording-upstream.ts'
import { openOperator } from '../support/operator.ts'
import { until } from '../support/until.ts'

const password = 'the password of the user'
const anna = ['anna@example.com', password] as const
const owner = 'bbbbbbbb-0000-4000-8000-00000000000a' as Owner
const scope = directory as Scope

const key = randomBytes(32).toString('base64')

/** What must not be seen, apart from the tokens that a provider gives. */
export const tokenSecrets = [key, client.secret]

/** Settings of a gateway whose requests act as their users. */
export function actingSettings({ issuer }: RefreshProvider) {
  return {
    secrets: { sealingKeys: [{ id: 'k1', key }] },
    upstreamAuth: { method: 'delegated' },
    signIn: { directories: { [directory]: { issuer, clientId: client.id, clientSecret: client.secret } } },
  }
}

/** An upstream that shows the token that it gets wherever it can, and accepts it except on two addresses. */
export function tellingUpstream(t: Test): Promise<RecordingUpstream> {
  return recordingUpstream(t, (request, response) => {
    const { authorization = '' } = request.headers
    const token = authorization.replace(/^Bearer /, '')
    const challenge = request.url?.endsWith('/claims')
      ? `Bearer error="insufficient_claims", claims="${token}", error_description="${token}"`
      : `Bearer error="invalid_token", error_description="${token}"`
    if (!/\/(?:claims|rejected)$/.test(request.url ?? '')) return void response.end('ok')
    response.writeHead(401, { 'www-authenticate': challenge, 'x-token': token }).end(authorization)
  })
}

/** A provider that repeats the question, with its tokens, in its answer. */
function repeating(status: number, error: (asked: string) => string): RefreshProvider['answering'] {
  return (response: ServerResponse, _usual, request) => {
    void text(request).then(asked => {
      const told = decodeURIComponent(asked)
      response.writeHead(status, { 'content-type': 'application/json', 'x-asked': asked })
      response.end(JSON.stringify({ error: error(told), error_description: told, error_uri: told }))
    })
  }
}

/** An account whose requests act as their users. */
export async function setTheScene(altgate: Altgate, upstream: string, name = 'contoso'): Promise<void> {
  const operator = await openOperator(altgate.config)
  try {
    const { registry } = operator
    await registry.addDirectory('cli:test', { id: directory as DirectoryId, name: 'North' })
    const account = { name: name as AccountName, upstream, directoryId: directory as DirectoryId }
    await registry.addAccount('cli:test', account)
  } finally {
    await operator.close()
  }
}

/** A user with a credential, who has signed in; gives what signs in once more. */
export async function addUser(
  altgate: Altgate,
  provider: RefreshProvider,
  { user, owner, storeUrl }: { readonly user: string; readonly owner: Owner; readonly storeUrl: string },
): Promise<() => Promise<void>> {
  const name = `${user}@example.com`
  await altgate.arrange({ scope, passwords: { [name]: password } })
  const change = async (work: (store: Store, registry: Registry) => Promise<unknown>) => {
    const store = await openStore({ url: new Secret(storeUrl) })
    try {
      await work(store, store.registry(silently))
    } finally {
      await store.close()
    }
  }
  await change((_, registry) => registry.claimCredential('page:test', scope, foldUsername(name), owner))
  const signIn = () =>
    change(async ({ grants }, registry) => {
      const sealingKeys = [{ id: 'k1', key: new Secret(key) }]
      const refreshToken = new Secret(await provider.signIn(owner))
      const grant = { scope, owner, issuer: provider.issuer, clientId: client.id, refreshToken }
      await openGrants({ authorities: { directories: {} }, sealingKeys, grants, registry }).give(
        'page:test',
        grant,
      )
    })
  await signIn()
  return signIn
}

/** Milliseconds between two requests while a token ends: each one is logged in all detail. */
const pause = 100

/** All that can happen to the tokens of a user; gives all that callers and commands are told. */
export async function actWithTokens(
  altgate: Altgate,
  provider: RefreshProvider,
  {
    upstream,
    storeUrl,
    account = 'contoso',
  }: { readonly upstream: string; readonly storeUrl: string; readonly account?: string },
): Promise<{ readonly outcomes: readonly string[]; readonly said: string }> {
  const said: string[] = []
  const outcomes: string[] = []
  const get = async (path: string) => {
    const answer = await ask(`${altgate.url}/${account}/${path}`, { as: anna })
    said.push(JSON.stringify(answer.headers) + answer.body)
    outcomes.push(answer.outcome)
    return answer.outcome
  }
  const command = async (words: readonly string[], stdin = '') => {
    const { stdout, stderr } = await altgate.cli(words, { stdin })
    said.push(stdout + stderr)
  }

  await setTheScene(altgate, upstream, account)
  const signIn = await addUser(altgate, provider, { user: 'anna', owner, storeUrl })
  provider.life = 2
  await get('x')
  await get('rejected')
  for (const answering of [
    repeating(400, () => 'invalid_request'),
    repeating(400, asked => asked),
    repeating(200, () => 'none'),
    repeating(503, () => 'server_error'),
  ]) {
    provider.answering = answering
    await until(async () => (await get('x')) === 'unavailable', pause)
    provider.answering = undefined
    await until(async () => (await get('x')) === 'allow', pause)
  }
  await get('claims')
  await signIn()
  await get('x')
  provider.answering = repeating(400, () => 'invalid_grant')
  await until(async () => (await get('x')) === 'sign-in-needed', pause)
  provider.answering = undefined
  await signIn()
  await get('x')
  for (const words of [
    ['settings'],
    ['check'],
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['credential', 'list', '--scope', directory],
    ['credential', 'list', '--scope', directory, '--json'],
    ['credential', 'show', '--scope', directory, '--user', anna[0]],
    ['credential', 'show', '--scope', directory, '--user', anna[0], '--json'],
  ])
    await command(words)
  await command(['explain', '--account', account, '--user', anna[0]], `${anna[1]}\n`)
  await command(['credential', 'sign-out', '--scope', directory, '--user', anna[0]])
  await get('x')
  await signIn()
  await get('x')
  return { outcomes: [...new Set(outcomes)].sort(), said: said.join('\n') }
}
