import type { Test } from 'tap'
import { demoClient, startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { contosoDirectory } from '../../src/demo/people.ts'
import {
  type Answered,
  authorizeAt,
  codeFor,
  deviceGrant,
  exchange,
  openSignedIn,
  post,
  refresh,
  token,
} from '../oauth/helper.ts'
import { Browser } from '../self-service/browser.ts'
import { type Altgate, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { freePort } from '../support/ports.ts'

const { id, name } = contosoDirectory

/** The account of those who sign in with helpers. */
const account = 'helped'

/** A gateway at which users can sign in, with an account on a directory. */
export async function gatewayWithHelpers(
  t: Test,
  upstream: string,
  { settings, env }: { readonly settings: object; readonly env: Readonly<Record<string, string>> },
): Promise<Altgate> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const redirectUri = `${url}/_altgate/callback`
  const identity = await startIdentityProvider({ port: 0, redirectUri })
  t.teardown(() => identity.close())
  const client = { clientId: demoClient.id, clientSecret: demoClient.secret }
  const directories = { [id]: { issuer: identity.issuers.get('contoso'), ...client } }
  const started = await startAltgate(t, {
    settings: {
      listen: { host: '127.0.0.1', port },
      publicUrl: url,
      signIn: { directories },
      ...settings,
    },
    env,
  })
  const altgate = { ...started, url, port }
  await altgate.must(['directory', 'add', id, '--name', name])
  await altgate.must(['account', 'add', account, '--upstream', upstream, '--directory', id])
  return altgate
}

/** All that helpers do, rightly and wrongly; gives every secret that went over the wire. */
export async function helpersAt(url: string): Promise<{
  readonly secrets: readonly string[]
  readonly outcomes: readonly string[]
  /** How many passwords came of many renewals at once. */
  readonly renewed: number
}> {
  const secrets: unknown[] = []
  const keep = (answered: Answered): Answered => {
    secrets.push(answered.body['access_token'], answered.body['refresh_token'])
    return answered
  }
  const asked = authorizeAt(url, account)
  const code = await codeFor({ url }, asked)
  secrets.push(code, asked.verifier)
  await exchange(url, { ...asked, verifier: 'x'.repeat(43) }, code)
  const first = keep(await exchange(url, asked, code))
  const second = keep(await refresh(url, first.body['refresh_token']))
  keep(await refresh(url, first.body['refresh_token']))

  // Many at once, at several workers.
  const many = await Promise.all(Array.from({ length: 12 }, () => refresh(url, second.body['refresh_token'])))
  const renewed = new Set(many.map(({ body }) => body['access_token']))
  for (const each of many) keep(each)

  const device = await post(`${url}/_altgate/oauth/device_authorization/${account}`, { client_id: 'altgate' })
  const deviceCode = String(device.body['device_code'])
  secrets.push(deviceCode, device.body['user_code'])
  const poll = () => token(url, { grant_type: deviceGrant, device_code: deviceCode, client_id: 'altgate' })
  await poll()
  const browser = new Browser()
  const page = await openSignedIn(browser, String(device.body['verification_uri_complete']))
  await browser.send(page, '/_altgate/device', { answer: 'yes', name: 'build-7' })
  const third = keep(await poll())

  const as = ['anna@example.com', String(second.body['access_token'])] as const
  const opened = await ask(`${url}/${account}/x`, { as })
  await post(`${url}/_altgate/oauth/revoke`, {
    token: String(third.body['refresh_token']),
    client_id: 'altgate',
  })
  await exchange(url, asked, code) // used twice: everything of it ends
  const ended = await ask(`${url}/${account}/x`, { as })
  const odd = `GET /_altgate/oauth/authorize/contoso?code=${code}`
  await post(`${url}/_altgate/oauth/token`, odd).catch(() => {})
  const texts = secrets.filter(each => typeof each === 'string')
  return { secrets: [...new Set(texts)], outcomes: [opened.outcome, ended.outcome], renewed: renewed.size }
}
