import { buffer } from 'node:stream/consumers'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Respond } from '../support/recording-upstream.ts'

/** As much of the Git LFS API as it takes to store an object and to get it again; anything else is 404. */
export function largeFiles(repository: string): Respond {
  const objects = new Map<string, Buffer>()

  return (request, response) => {
    answer(request, response).catch(() => response.destroy())
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const path = (request.url ?? '').replace(`${repository}/info/lfs/objects/`, '')
    if (path === 'batch') return batch(request, response, body)
    if (request.method === 'PUT') {
      objects.set(path, body)
      return void response.end()
    }
    const object = objects.get(path)
    if (object === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(object)
  }

  /** Where to bring each object, or get it; what is stored already needs no action. */
  function batch({ headers }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const asked = JSON.parse(body.toString()) as Batch // the client's, by the specification
    const address = `${String(headers['x-forwarded-proto'])}://${String(headers['x-forwarded-host'])}`
    const answered = asked.objects.map(({ oid, size }) => {
      const action = { href: `${address}${repository}/info/lfs/objects/${oid}` }
      const needed = (asked.operation === 'upload') !== objects.has(oid)
      return { oid, size, ...(needed && { actions: { [asked.operation]: action } }) }
    })
    response.writeHead(200, { 'Content-Type': 'application/vnd.git-lfs+json' })
    response.end(JSON.stringify({ transfer: 'basic', objects: answered }))
  }
}

interface Batch {
  readonly operation: 'upload' | 'download'
  readonly objects: readonly { readonly oid: string; readonly size: number }[]
}
