import { buffer } from 'node:stream/consumers'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Respond } from '../support/recording-upstream.ts'

/** How the server tells where objects are. */
export interface LargeFilesOptions {
  /** It says that its actions need no credential (`"authenticated": true`). */
  readonly authenticated?: boolean
  /** What its addresses begin with; by default what the gateway says of itself in `X-Forwarded-*`. */
  readonly address?: (request: IncomingMessage) => string
  /** The `Authorization` that it gives out with each action, and demands when the action is carried out. */
  readonly authorization?: string
  /** Other members of an action. */
  readonly action?: Readonly<Record<string, unknown>>
  /** It wants to be told when an object has been uploaded. */
  readonly verify?: boolean
}

/** As much of the Git LFS API as it takes to store an object and to get it again; anything else is 404. */
export function largeFiles(repository: string, options: LargeFilesOptions = {}): Respond {
  const { authenticated, address = addressOfGateway, authorization, verify = false } = options
  const objects = new Map<string, Buffer>()

  return (request, response) => {
    answer(request, response).catch(() => response.destroy())
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const path = (request.url ?? '').replace(`${repository}/info/lfs/objects/`, '')
    if (path === 'batch') return batch(request, response, body)
    if (authorization !== undefined && request.headers.authorization !== authorization)
      return void response.writeHead(401).end()
    if (path === 'verify') return void response.writeHead(200).end()
    if (request.method === 'PUT') {
      objects.set(path, body)
      return void response.end()
    }
    const object = objects.get(path)
    if (object === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(object)
  }

  /** Where to bring each object, or get it; what is stored already needs no action. */
  function batch(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const asked = JSON.parse(body.toString()) as Batch // the client's, by the specification
    const place = `${address(request)}${repository}/info/lfs/objects`
    const actionAt = (name: string) => ({
      href: `${place}/${name}`,
      ...(authorization !== undefined && { header: { Authorization: authorization } }),
      ...options.action,
    })
    const answered = asked.objects.map(({ oid, size }) => {
      const needed = (asked.operation === 'upload') !== objects.has(oid)
      const actions = {
        [asked.operation]: actionAt(oid),
        ...(verify && asked.operation === 'upload' && { verify: actionAt('verify') }),
      }
      return { oid, size, ...(authenticated && { authenticated }), ...(needed && { actions }) }
    })
    response.writeHead(200, { 'Content-Type': 'application/vnd.git-lfs+json' })
    response.end(JSON.stringify({ transfer: 'basic', objects: answered }))
  }
}

function addressOfGateway({ headers }: IncomingMessage): string {
  return `${String(headers['x-forwarded-proto'])}://${String(headers['x-forwarded-host'])}`
}

interface Batch {
  readonly operation: 'upload' | 'download'
  readonly objects: readonly { readonly oid: string; readonly size: number }[]
}
