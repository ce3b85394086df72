#!/usr/bin/env node
import inspector from 'node:inspector'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// Plain JavaScript that old versions of Node can parse: they would fail on TypeScript with a riddle, and argument
// hashing would crash them.
const [major, minor] = process.versions.node.split('.').map(Number)
const isFit = major >= 26 || (major === 24 && minor >= 15)
if (isFit) {
  process.umask(0o077) // files written here contain names and hashes, and only this user may read them
  ignoreSignals(process.argv.includes('serve'))
  keepCompiled()
  const { run } = await import('./cli.ts')
  const code = await run(process.argv.slice(2))
  if (code !== 0) process.exitCode = code
} else {
  process.stderr.write(
    `altgate needs Node 24.15 or newer${major === 25 ? ', but not 25' : ''}, this is ${process.versions.node}. ` +
      'In a checkout run: npm run -s altgate -- …\n',
  )
  process.exitCode = 1
}

/**
 * SIGUSR1 would open a debugger to every user of this machine. The others would end a gateway at once, and scripts that rotate logs
 * send them to any server. `serve.ts` adds what SIGHUP and SIGUSR1 do once the gateway serves.
 */
function ignoreSignals(serves) {
  for (const signal of serves ? ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] : ['SIGUSR1']) process.on(signal, () => {})
  if (serves && !process.execArgv.some(word => word.startsWith('--inspect'))) closeDebugger()
}

/** Node obeys a SIGUSR1 that came while it was loading this file, at once or a little later. */
function closeDebugger() {
  for (const milliseconds of [0, 100, 1000, 5000])
    setTimeout(() => {
      if (inspector.url() !== undefined) inspector.close()
    }, milliseconds).unref()
}

/**
 * Compiled code is kept beside the code, where anything that may write could change the code as well. The next start takes half the
 * time, and no process keeps a TypeScript parser in memory. Without write access the start is merely slower.
 */
function keepCompiled() {
  const directory = fileURLToPath(new URL('../node_modules/.cache/altgate', import.meta.url))
  module.enableCompileCache(directory)
  process.env.NODE_COMPILE_CACHE ??= directory // for the processes that this one starts
}
