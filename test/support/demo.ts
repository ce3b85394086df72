import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'
import { freePort } from './ports.ts'

/** For the demo of config/development.yaml: ports and files of its own. */
export async function demoEnvironment(t: Pick<Test, 'teardown'>): Promise<Readonly<Record<string, string>>> {
  const directory = temporaryDirectory(t)
  const port = String(await freePort())
  return {
    ALTGATE__LISTEN__PORT: port,
    ALTGATE__OPERATIONS__PORT: String(await freePort()),
    ALTGATE__STOP__DRAINSECONDS: '0',
    ALTGATE__PUBLICURL: `http://127.0.0.1:${port}`,
    ALTGATE__STORE__URL: `sqlite:${join(directory, 'altgate.db')}`,
    ALTGATE__LOG__FILE: join(directory, 'altgate.log'),
    ALTGATE__DEMO__UPSTREAMPORT: String(await freePort()),
    ALTGATE__DEMO__IDENTITYPORT: String(await freePort()),
    ALTGATE__DEMO__DATADIRECTORY: join(directory, 'demo'),
  }
}
