/**
 * One run for all who call within one turn of the event loop. It begins at the turn's end, so after each of the calls:
 * nobody is told what was true before he asked.
 */
export function onceATurn(run: () => Promise<void>): () => Promise<void> {
  let coming: Promise<void> | undefined
  return () => {
    coming ??= new Promise((resolve, reject) =>
      setImmediate(() => {
        coming = undefined
        run().then(resolve, reject)
      }),
    )
    return coming
  }
}
