import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyPassed } from '../engine/memory.ts'
import { type BodyStart, expectsContinue, hasBody, pieceCame } from './bodies.ts'

/** Looks at the beginning of a body. */
export interface BodyLook<T> {
  /** Most that is read. */
  readonly maxBytes: number
  /** What was found; `undefined`: more is needed. */
  readonly look: (this: void, bytes: Buffer, isWhole: boolean) => T | undefined
}

/**
 * `found` is `undefined` if the body ends, breaks off, is too long or comes too slowly before anything is found. `full`: too
 * much is held of other bodies.
 */
export interface BodyFinding<T> {
  readonly found: T | 'full' | undefined
  readonly start: BodyStart
}

/** Milliseconds in which the beginning has to arrive. It is small, and is held in memory meanwhile. */
const longestMs = 30_000

/** Bytes that are held of all bodies together, in this process: thousands of clients could send a beginning at once. */
const mostHeld = 64 * 2 ** 20

let held = 0

/** Reads a request body until `look` has found something. The rest of the body stays unread. Rejects only for a bug. */
export function readBodyStart<T>(
  request: IncomingMessage,
  response: ServerResponse,
  { maxBytes, look }: BodyLook<T>,
): Promise<BodyFinding<T>> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    /** Looks begin again at the start, so the next one is at twice the length, however small the chunks are. */
    let nextLook = 1
    const late = setTimeout(() => end(undefined, false), longestMs)

    function end(found: T | 'full' | undefined, isWhole: boolean): void {
      clearTimeout(late)
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose).pause()
      resolve({ found, start: { bytes: Buffer.concat(chunks), isWhole } })
    }
    function lookNow(isWhole: boolean): void {
      try {
        const found = length <= maxBytes ? look(Buffer.concat(chunks), isWhole) : undefined
        if (found !== undefined || isWhole || length > maxBytes) end(found, isWhole)
      } catch (error) {
        // Thrown by a listener, it would end the process.
        clearTimeout(late)
        reject(error)
      }
    }
    function onData(chunk: Buffer): void {
      bodyPassed(chunk.length)
      pieceCame(request.socket)
      chunks.push(chunk)
      length += chunk.length
      held += chunk.length
      if (held > mostHeld) return end('full', false)
      if (length < nextLook && length <= maxBytes) return
      nextLook = length * 2
      lookNow(false)
    }
    const onEnd = (): void => lookNow(true)
    const onClose = (): void => end(undefined, false)

    if (!hasBody(request)) return onEnd()
    if (request.destroyed) return onClose()
    response.once('close', () => (held -= length))
    if (expectsContinue(request)) response.writeContinue()
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose).resume()
  })
}
