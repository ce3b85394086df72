/** Aborted by the first SIGTERM or Ctrl-C. A second Ctrl-C is somebody who will not wait. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort())
  process.once('SIGINT', () => {
    stop.abort()
    process.once('SIGINT', () => process.exit(130))
  })
  return stop.signal
}
