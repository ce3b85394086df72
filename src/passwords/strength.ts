import { Worker } from 'node:worker_threads'
import type { Estimate } from './estimator.ts'

/** Milliseconds for which the thread waits for more texts before it ends. */
const idleMs = 10_000

/** The estimator in its thread, and who waits for it. */
interface Running {
  readonly thread: Worker
  readonly waiting: Map<number, PromiseWithResolvers<readonly Estimate[]>>
  idle: NodeJS.Timeout | undefined
}

let running: Running | undefined
let lastId = 0

/**
 * How many guesses each text takes. The word lists take 0.2 s to load and some 90 MB, and a hostile text takes 13 ms:
 * all of that is in a thread of its own, which exists only while passwords are chosen (ADR 0079).
 */
export function estimatesOf(texts: readonly string[]): Promise<readonly Estimate[]> {
  running ??= start()
  const { thread, waiting, idle } = running
  clearTimeout(idle)
  const id = ++lastId
  const answer = Promise.withResolvers<readonly Estimate[]>()
  waiting.set(id, answer)
  thread.ref()
  thread.postMessage({ id, texts })
  return answer.promise
}

function start(): Running {
  // Neither the arguments nor the environment of this process, which holds secrets.
  const thread = new Worker(new URL('./estimator.ts', import.meta.url), { execArgv: [], env: {} })
  const started: Running = { thread, waiting: new Map(), idle: undefined }
  const { waiting } = started

  thread.on(
    'message',
    ({ id, estimates }: { readonly id: number; readonly estimates: readonly Estimate[] }) => {
      waiting.get(id)?.resolve(estimates)
      waiting.delete(id)
      if (waiting.size > 0) return
      thread.unref() // a command ends without waiting for it
      started.idle = setTimeout(end, idleMs).unref()
    },
  )
  thread.on('error', fail)
  thread.on('exit', code => fail(new Error(`the estimator has ended with code ${code}`)))

  function end(): void {
    if (running === started) running = undefined
    void thread.terminate()
  }

  function fail(cause: Error): void {
    if (running === started) running = undefined
    clearTimeout(started.idle)
    for (const each of waiting.values()) each.reject(cause)
    waiting.clear()
  }
  return started
}
