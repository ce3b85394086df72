/** Bytes of answers that are passed on in one turn of the event loop: about half a millisecond of work. */
const most = 512 * 1024

/** Minimum cost of a chunk, in bytes: an upstream may send every byte as a chunk. */
const least = 2048

let carried = 0
let isCounting = false
let waiting: (() => void)[] = []

/**
 * Counts bytes of an answer that were passed on. Each read from a connection brings 64 KiB, and the buffers of a new
 * client connection take megabytes. With a hundred such downloads, one turn of the event loop passes on six megabytes,
 * and a request for a single line waits for all of it. So a turn has a limit for all answers together, and answers
 * beyond it continue in the next turns, first come, first served.
 */
export function answerCarried(bytes: number): void {
  carried += Math.max(bytes, least)
  if (isCounting) return
  isCounting = true
  setImmediate(nextTurn)
}

/** Whether the limit of this turn is reached; `goOn` is then called in a later turn. It must not throw. */
export function waitsForTurn(goOn: () => void): boolean {
  if (carried < most) return false
  waiting.push(goOn)
  return true
}

function nextTurn(): void {
  carried = 0
  isCounting = false
  const due = waiting
  waiting = []
  // Each checks the limit again, and goes back to the queue in the same order if it is reached.
  for (const goOn of due) goOn()
}
