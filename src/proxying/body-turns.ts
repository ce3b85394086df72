/** Bytes of answers that are carried in one turn of the event loop: about half a millisecond of work. */
const most = 512 * 1024

/** What a piece costs at least, in bytes of a large one: an upstream may send single bytes in chunks of their own. */
const least = 2048

let carried = 0
let isCounting = false
let waiting: (() => void)[] = []

/**
 * Told how many bytes of an answer have just been carried. Each read of a connection brings 64 KiB, and a client that has
 * just connected takes megabytes before it has to read anything: with a hundred of them a turn of the loop has six
 * megabytes to carry, and whoever asks for a single line waits for all of it. So a turn has a bound, whoever the bytes
 * are for, and those who are beyond it go on in the next turns, in the order in which they came.
 */
export function answerCarried(bytes: number): void {
  carried += Math.max(bytes, least)
  if (isCounting) return
  isCounting = true
  setImmediate(nextTurn)
}

/** Whether this turn has carried enough; `goOn` is called in a later one then. It must not throw. */
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
  // Each asks whether there is room and comes to the end again if there is none, in the same order.
  for (const goOn of due) goOn()
}
