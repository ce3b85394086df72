/** A pipe takes so many bytes in one piece: other processes that write to it come before or after them. */
const pipePiece = 4096

/** As many lines as a pipe takes in one piece, or the first one if it is longer. */
export function wholeLines(bytes: Buffer): Buffer {
  if (bytes.length <= pipePiece) return bytes
  const end = bytes.lastIndexOf(newline, pipePiece - 1)
  return bytes.subarray(0, end > 0 ? end + 1 : bytes.indexOf(newline) + 1)
}

/** From the beginning of the line in which this place is; nothing if it is between two lines. */
export function fromLineAt(bytes: Buffer, place: number): Buffer | undefined {
  const beginning = place === 0 ? 0 : bytes.lastIndexOf(newline, place - 1) + 1
  return beginning === place ? undefined : bytes.subarray(beginning)
}

export const lineEnd = Buffer.from('\n')
const newline = 10
