import { randomFillSync } from 'node:crypto'

/** Bytes of one id: nobody can guess another caller's reference. */
const idBytes = 12

/** One call of the random generator serves many ids. */
const pool = Buffer.alloc(idBytes * 512)
let next = pool.length

/** A fresh id of 24 hexadecimal digits. Never the client's own: that would let it write into logs and texts. */
export function newRequestId(): string {
  if (next === pool.length) {
    randomFillSync(pool)
    next = 0
  }
  const id = pool.toString('hex', next, next + idBytes)
  next += idBytes
  return id
}
