import { createServer } from '../../../src/engine/http.ts'
import { createForwardAuth } from '../../../src/forward-auth/door.ts'
import { identityForProxy } from '../../../src/gateway/upstream-auth.ts'
import type { Settings } from '../../../src/settings/schema.ts'
import {
  allowedAt,
  listen,
  nobody,
  openStepServices,
  openWitnesses,
  type Serving,
  type Step,
  type StepParts,
} from './parts.ts'

/** What a proxy is told, until a step finds it out. */
const told = Object.entries({
  'X-Forwarded-User': 'anna@example.com',
  'X-Altgate-Account': 'fabrikam',
  'X-Altgate-Scope': 'msa',
  'X-Altgate-Subject': '01234567-89ab-cdef-0123-456789abcdef',
}).flat()

async function answering(): Promise<Serving> {
  const headers = ['Content-Length', '0', 'X-Request-Id', '0123456789abcdef01234567', ...told]
  return await listen(
    createServer((_, response) => {
      response.sendDate = false
      response.writeHead(200, headers).end()
    }),
  )
}

type Chosen = Pick<Parameters<typeof createForwardAuth>[0], 'gateway' | 'witness' | 'identify'>

async function door(
  settings: Settings,
  chosen: Chosen,
  ...after: readonly (() => unknown)[]
): Promise<Serving> {
  const { route } = createForwardAuth({
    ...chosen,
    naming: settings.accounts.naming,
    publicUrl: settings.publicUrl,
    trustedProxies: settings.trustedProxies,
    loadTest: settings.throttle.loadTest,
    answerKey: new Uint8Array(32),
    now: Date.now,
    observer: { untrusted() {}, signInNeeded() {}, notForwarded() {}, outage() {}, bug() {} },
  })
  return await listen(createServer(route), ...after)
}

async function reading({ settings, upstream }: StepParts): Promise<Serving> {
  const allowed = allowedAt(upstream)
  return await door(settings, {
    gateway: { decide: () => allowed },
    witness: nobody,
    identify: () => told,
  })
}

async function deciding({ settings }: StepParts): Promise<Serving> {
  const services = await openStepServices(settings)
  const chosen = { gateway: services.gateway, witness: nobody, identify: () => told }
  return await door(settings, chosen, () => services.close())
}

async function witnessed({ settings }: StepParts, identify: Chosen['identify']): Promise<Serving> {
  const services = await openStepServices(settings)
  const seen = openWitnesses(settings, services)
  const close = async () => {
    await seen.close()
    await services.close()
  }
  return await door(settings, { gateway: services.gateway, witness: seen.witness, identify }, close)
}

/** The way of a decision for a proxy, from Node's server to all but what only a worker has. */
export const forwardAuthSteps: readonly Step[] = [
  { adds: 'node:http that answers by itself', serve: answering },
  { adds: 'reading what is asked', serve: reading },
  { adds: 'the decision, from memory', serve: deciding },
  { adds: 'audit line, metrics, last use', serve: parts => witnessed(parts, () => told) },
  { adds: 'headers for the proxy', serve: parts => witnessed(parts, identityForProxy) },
]
