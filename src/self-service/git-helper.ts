import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'

const name = 'altgate-git-credential'
const program = readFileSync(join(import.meta.dirname, 'assets', name))
const digest = createHash('sha256').update(program).digest()

/** The SHA-256 checksum of `altgate-git-credential`, as `sha256sum` prints it. */
export const gitHelperChecksum = digest.toString('hex')

/** Serves `altgate-git-credential`. Its tag is its checksum, so that `curl --head` shows it. */
export function addGitHelper(app: FastifyInstance): void {
  const tag = `"${gitHelperChecksum}"`
  app.get('/helper', (request, reply) => {
    reply
      .header('etag', tag)
      .header('cache-control', 'no-cache')
      .header('repr-digest', `sha-256=:${digest.toString('base64')}:`) // RFC 9530
    const same = request.headers['if-none-match']
      ?.split(',')
      .some(each => each.trim().replace(/^W\//, '') === tag)
    if (same === true) return reply.code(304).send()
    return reply
      .type('text/x-shellscript; charset=utf-8')
      .header('content-disposition', `attachment; filename="${name}"`)
      .send(program)
  })
}
