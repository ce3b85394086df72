import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'

const files = [
  ['style.css', 'text/css; charset=utf-8'],
  ['page.js', 'text/javascript; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
] as const

/** Serves the page's style, script and icon. Browsers ask each time and get a 304: a new version counts at once. */
export function addAssets(app: FastifyInstance): void {
  for (const [name, type] of files) {
    const body = readFileSync(join(import.meta.dirname, 'assets', name))
    const tag = `"${createHash('sha256').update(body).digest('base64url')}"`
    app.get(`/${name}`, (request, reply) => {
      reply.header('etag', tag).header('cache-control', 'no-cache')
      const same = request.headers['if-none-match']
        ?.split(',')
        .some(each => each.trim().replace(/^W\//, '') === tag)
      return same === true ? reply.code(304).send() : reply.type(type).send(body)
    })
  }
}
