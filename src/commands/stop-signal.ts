/** Aborted by the first SIGTERM or Ctrl-C; the reason is the signal's name. A second Ctrl-C is somebody who will not wait. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  process.once('SIGTERM', () => stop.abort('SIGTERM'))
  process.once('SIGINT', () => {
    stop.abort('SIGINT')
    process.once('SIGINT', () => process.exit(130))
  })
  return stop.signal
}
