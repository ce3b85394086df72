import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/ports.ts'
import { startService } from './spawned.ts'
import type { Stage } from './stage.ts'
import { configured } from './template.ts'

/** What stands behind every server that is measured. */
export interface Upstream {
  readonly port: number
  readonly url: string
}

/** Bytes of its answer: what `git ls-remote` gets from a small repository. */
export const answerBytes = 231

export interface UpstreamOptions {
  /** Size of the file, all zeros and nothing on the disk, at `/fabrikam/pack`. */
  readonly packBytes?: number
  /** Who takes what is pushed to `/fabrikam/push`. */
  readonly sinkPort?: number
}

/** The discard service's: nobody. */
const nobody = 9

/** Starts the small upstream. */
export async function startUpstream(
  stage: Stage,
  { packBytes = 0, sinkPort = nobody }: UpstreamOptions = {},
): Promise<Upstream> {
  const folder = stage.folder()
  const port = await freePort()
  const config = configured('nginx/upstream.conf', folder, {
    port,
    sinkPort,
    answer: 'a'.repeat(answerBytes),
  })
  const pack = join(folder, 'pack')
  writeFileSync(pack, '')
  truncateSync(pack, packBytes)
  await startService(stage, { program: 'nginx', args: ['-c', config], folder, port })
  return { port, url: `http://127.0.0.1:${port}` }
}
