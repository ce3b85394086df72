import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { makeRepository, startGitUpstream } from './git-upstream.ts'
import { accounts, DemoCannotStart, repository } from './people.ts'

// The demo upstream by itself, for containers: `node src/demo/upstream.ts [--port 8081] [--directory DIR]`.
try {
  const { port, directory } = readOptions()
  const upstream = await startGitUpstream({ directory, host: '0.0.0.0', port })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void upstream.close())
  for (const account of Object.values(accounts)) await makeRepository(directory, `${account}/${repository}`)
  console.log(`The demo upstream serves ${directory} at ${upstream.url}`)
} catch (error) {
  if (!(error instanceof DemoCannotStart)) throw error
  console.error(error.message)
  process.exitCode = 1
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8081' },
      directory: { type: 'string', default: 'data/demo' },
    },
  })
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port > 65_535) {
    throw new DemoCannotStart('--port must be a whole number from 0 to 65535.')
  }
  return { port, directory: resolve(values.directory) }
}
