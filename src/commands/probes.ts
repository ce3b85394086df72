import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { createSecureContext, getCACertificates } from 'node:tls'
import { Agent, request } from 'undici'
import { reasonOf } from './reason.ts'

/** What was found out about one part. */
export interface Finding {
  readonly part: string
  readonly ok: boolean
  readonly sentence: string
}

interface Place {
  readonly host: string
  readonly port: number
}

/** Longest that a part is waited for, in milliseconds. */
const patience = 3000

/** What is waited beyond that for a part which limits itself: it can say where the silence was. */
const grace = 1000

/** Tries a part; `work` gives the sentence if all is well. Never throws and never hangs. */
export async function probe(part: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { part, ok: true, sentence: await within(work()) }
  } catch (error) {
    return { part, ok: false, sentence: reasonOf(error) }
  }
}

/** The same promise, or a rejection when patience is at an end. */
export async function within<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const silent = () => reject(new Error(`no answer within ${patience / 1000} seconds`))
  const timer = setTimeout(silent, patience + grace)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Any answer counts: an upstream may well refuse somebody without a credential. */
export async function tryUpstream(origin: string, caFile: string | undefined): Promise<string> {
  // As the gateway does it: certificates are verified, those of `caFile` besides the well-known ones.
  const ca = caFile === undefined ? undefined : [...getCACertificates(), await readFile(caFile, 'utf8')]
  const agent = new Agent({ allowH2: false, connect: { timeout: patience, ...(ca && { ca }) } })
  try {
    const { statusCode } = await request(origin, {
      method: 'HEAD',
      dispatcher: agent,
      signal: AbortSignal.timeout(patience),
    })
    return `${origin} answers with ${statusCode}`
  } catch (error) {
    throw new Error(`${origin}: ${reasonOf(error)}`, { cause: error })
  } finally {
    await agent.destroy()
  }
}

/** Whether a gateway answers on the operations port. */
export async function isLive({ host, port }: Place): Promise<boolean> {
  if (port === 0) return false
  try {
    const { statusCode, body } = await request(`http://${inUrl(host)}:${port}/live`, {
      signal: AbortSignal.timeout(patience),
    })
    await body.dump()
    return statusCode === 200
  } catch {
    return false // nobody there, or somebody else
  }
}

/** Listens for a moment, to see whether it would work. */
export async function tryListen({ host, port }: Place, running: boolean): Promise<string> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen({ host, port }, resolve)
  try {
    await promise
    return `${host}:${port} is free`
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (taken && running) return `${host}:${port} is held by a gateway that runs`
    throw new Error(`${host}:${port}: ${reasonOf(error)}`, { cause: error })
  } finally {
    server.close()
  }
}

/** Reads certificate and key, and sees whether they belong together. */
export async function tryTls(files: {
  readonly certFile: string
  readonly keyFile: string
}): Promise<string> {
  const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)])
  createSecureContext({ cert, key })
  return `${files.certFile} and its key belong together`
}

/** An address that any interface answers to cannot be called; the loopback one can. */
function inUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
