import cluster from 'node:cluster'
import { overSockets } from './proxied.ts'

// The floor of a figure with several workers: `bare.ts WORKERS UPSTREAM` forwards over plain sockets, in as many
// processes, and sends its port when all of them listen.

const [workers = '', upstream = ''] = process.argv.slice(2)
if (cluster.isPrimary) {
  let listening = 0
  cluster.on('listening', (_, { port }) => {
    listening += 1
    if (listening === Number(workers)) process.send?.(port)
  })
  for (let worker = 0; worker < Number(workers); worker += 1) cluster.fork()
} else {
  await overSockets({ upstream })
}
