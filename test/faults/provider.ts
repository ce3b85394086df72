import type { Test } from 'tap'
import { demoClient, startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { people } from '../../src/demo/identity-pages.ts'
import { Browser } from '../self-service/browser.ts'
import type { Altgate } from '../support/altgate.ts'
import { freePort } from '../support/ports.ts'
import { startLine, type Line } from './line.ts'

/** Where people sign in, behind a line that only the gateway uses. */
export interface SignInPlace {
  readonly line: Line
  /** For the gateway. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Starts it for a gateway. Gives people who sign in again and again: each call is once, and tells whether it went well. */
  begin(gateway: Altgate): Promise<readonly (() => Promise<boolean>)[]>
}

/** More would be measuring the provider. */
const signers = 2

export async function signInPlace(t: Pick<Test, 'teardown'>): Promise<SignInPlace> {
  const port = await freePort()
  const line = await startLine(t, port)
  const origin = `http://127.0.0.1:${line.port}`
  const client = { clientId: demoClient.id, clientSecret: demoClient.secret }
  return {
    line,
    settings: {
      signIn: { msa: { issuer: `${origin}/msa/v2.0`, ...client } },
      trustedProxies: ['127.0.0.1'], // or all sign-ins would count as those of one address
    },
    async begin({ url }) {
      const provider = await startIdentityProvider({
        port,
        origin,
        redirectUri: `${url}/_altgate/callback`,
      })
      t.teardown(() => provider.close())
      return Promise.all(Array.from({ length: signers }, () => signer(url, port)))
    },
  }
}

/** Somebody whom the provider knows by a cookie, so that each further sign-in takes no form. */
async function signer(gateway: string, port: number): Promise<() => Promise<boolean>> {
  const browser = new Browser()
  const start = `${gateway}/_altgate/sign-in?account=contoso`
  const [anna] = people
  const form = await browser.go(start)
  await browser.send(form, '/interaction/', { login: anna?.email ?? '', password: anna?.password ?? '' })
  let times = 0

  async function signIn(): Promise<boolean> {
    const headers = { 'x-forwarded-for': `10.0.${Math.floor(times / 250) % 250}.${times++ % 250}` }
    const { headers: begun } = await browser.ask(start, { headers })
    const there = URL.parse(begun.get('location') ?? '')
    if (there === null) return false
    // A person's own way to the provider is another than the gateway's, and works.
    const { host } = there
    there.port = String(port)
    const { headers: asked } = await browser.ask(there.href, { headers: { host } })
    const back = asked.get('location') ?? ''
    if (!back.startsWith(`${gateway}/`)) return false
    return (await browser.ask(back, { headers })).status === 303
  }
  if (!(await signIn())) throw new Error('nobody can sign in')
  return () => signIn().catch(() => false)
}
