import cluster from 'node:cluster'

// Loaded by `npm run dev` alone. `node --watch` ends with its terminal, but a gateway ignores SIGHUP: without this it
// would go on, and keep the port.
if (cluster.isPrimary) {
  const watcher = process.ppid
  const watching = setInterval(() => {
    if (process.ppid === watcher) return
    clearInterval(watching)
    process.kill(process.pid, 'SIGINT')
  }, 500).unref()
}
