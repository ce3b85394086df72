import cluster, { type Worker } from 'node:cluster'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Failure } from './common/failure.ts'
import { workerHeap, workerMalloc } from './engine/memory.ts'
import { type HandedOver, handOver } from './settings/handed-over.ts'
import type { Settings } from './settings/schema.ts'
import type { Logger } from './telemetry/logs.ts'
import type { Observation } from './telemetry/observed.ts'

/** What a worker tells the primary process; other users of the channel (hashing, metrics) have tags of their own. */
export type FromWorker =
  | { readonly altgate: 'listening' }
  | { readonly altgate: 'cannot-start'; readonly why: string }
  /** How many lines of a log were lost since the last report. */
  | { readonly altgate: 'dropped'; readonly log: 'log' | 'audit'; readonly lines: number }
  /** How long a change took until it was in force everywhere. */
  | { readonly altgate: 'revoked'; readonly seconds: number }
  /** What it has counted since its last report, and what fails now. */
  | { readonly altgate: 'observed'; readonly observation: Observation }
  /** The order with this number is carried out, or why it is not. */
  | { readonly altgate: 'done'; readonly id: number; readonly flaw?: string }

/** What a worker does while it goes on serving, and reports. */
export type Order =
  /** Log files that were moved are created again. */
  | { readonly to: 'reopen-logs' }
  /** The TLS files have new content. */
  | { readonly to: 'read-certificate' }
  /** Opens all that these settings need, and goes on with the old ones. */
  | ({ readonly to: 'prepare' } & HandedOver)
  /** From the next request on. */
  | { readonly to: 'use-prepared' }
  | { readonly to: 'forget-prepared' }

/** What the primary process tells a worker. */
export type ToWorker =
  /** Always the first message. */
  | ({ readonly altgate: 'settings'; readonly store: string | undefined } & HandedOver)
  | { readonly altgate: 'order'; readonly id: number; readonly order: Order }
  /** Every answer closes its connection from now on. */
  | { readonly altgate: 'drain' }
  | { readonly altgate: 'stop' }

/** The worker processes of this machine. */
export interface Fleet {
  /** How many of them listen. */
  listening(): number
  /** Gives each an order, and resolves with what went wrong, in a sentence for each worker. */
  order(order: Order): Promise<readonly string[]>
  /** Workers that start from now on get these settings; before it resolves, none starts. */
  change(work: () => Promise<Settings | undefined>): Promise<void>
  /** Each still accepts new connections, but keeps none alive. */
  drain(): void
  /** Each finishes its requests in progress; a worker that is not done after `graceSeconds` is killed. */
  stop(graceSeconds: number): Promise<void>
}

interface FleetParts {
  readonly size: number
  /** The same for every worker, including replacements that start after the file has changed, until `change`. */
  readonly settings: Settings
  /** The store that the gateway started with. A replacement worker must not use a different one. */
  readonly store: string | undefined
  /** Called with each new process, before it runs. */
  readonly started: (worker: Worker) => void
  readonly log: Logger
  /** Aborted when the gateway is to stop, so that it does not wait for workers that cannot start. */
  readonly abort: AbortSignal
}

/** Makes a process ignore signals from its start. */
const ignoreSignals = `--import=${new URL('./ignore-signals.ts', import.meta.url).href}`

/**
 * The descriptor at which workers have the primary's standard output. libuv makes the standard output and error of a child
 * blocking when it starts, for every process that shares them, so workers share neither.
 */
export const sharedOutput = 4

/** Most characters printed by workers themselves, such as the trace of a crash, that wait for a slow reader. */
const mostPrinted = 1024 * 1024

/** Milliseconds that a worker has for an order. Opening a store may take a while. */
const orderMs = 30_000

/** Longest pause before a worker that keeps dying is started again, in milliseconds. */
const longestPause = 5000

/**
 * Starts the workers and resolves when all of them listen. A worker that is killed, or dies later, is replaced. Rejects with
 * a sentence for the operator if one cannot start, for instance because the port is taken.
 */
export async function startFleet({ size, store, started, log, abort, ...parts }: FleetParts): Promise<Fleet> {
  let { settings } = parts
  // Workers that share a socket accept connections themselves. With round robin, the primary would hand connections to a
  // worker that has just died; they would never be answered or closed, and git would hang for ever.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./worker.ts', import.meta.url)),
    args: [],
    execArgv: [...process.execArgv, ...workerHeap, '--disable-sigusr1', ignoreSignals],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', 1],
  })
  const workers = new Map<Worker, 'starting' | 'listening'>()
  const complete = Promise.withResolvers<void>()
  let stopping = false
  let deaths = 0
  let orders = 0
  let changing = Promise.resolve()

  async function fork(): Promise<void> {
    const worker = forked()
    workers.set(worker, 'starting')
    worker.on('error', error => failedToStart(worker, error))
    tell(worker, { altgate: 'settings', store, ...handOver(settings) })
    started(worker)
    worker.process.stderr?.on('data', passOn)
    worker.once('exit', (code, signal) => {
      workers.delete(worker)
      if (!stopping) void replace(code, signal, worker)
    })
    await listens(worker)
    workers.set(worker, 'listening')
    deaths = 0
    if (listening() === size) complete.resolve()
  }

  /** Node throws where it does not expect that a program cannot be started, for instance while it is being written. */
  function forked(): Worker {
    try {
      return cluster.fork(workerMalloc)
    } catch (error) {
      if (!stopping) void replace(-1, null)
      throw error
    }
  }

  /** Of a worker that has died, `exit` comes by itself. If its program could not be started, Node tells of no exit. */
  function failedToStart(worker: Worker, error: Error): void {
    if (worker.process.pid !== undefined || !workers.has(worker)) return
    log.error({ worker: worker.id, err: error }, 'a worker could not be started')
    if (worker.isConnected()) worker.process.disconnect() // Node forgets it then
    worker.emit('exit', -1, null)
  }

  function listening(): number {
    return [...workers.values()].filter(state => state === 'listening').length
  }

  async function replace(code: number, signal: string | null, dead?: Worker): Promise<void> {
    deaths += 1
    log.error({ worker: dead?.id, code, signal }, 'a worker died and is being replaced')
    await delay(Math.min(longestPause, 50 * 2 ** deaths), undefined, { ref: false })
    await changing // or it could start with settings that are no longer in force
    if (stopping) return
    await fork().then(
      () => log.info('the replacement worker listens'),
      error => log.error({ err: error }, 'the replacement worker could not start'),
    )
  }

  async function order(what: Order): Promise<readonly string[]> {
    const id = ++orders
    const answers = [...workers.keys()].map(worker => answerOf(worker, id))
    for (const worker of workers.keys()) tell(worker, { altgate: 'order', id, order: what })
    return (await Promise.all(answers)).filter(flaw => flaw !== undefined)
  }

  async function change(work: () => Promise<Settings | undefined>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    changing = promise
    try {
      settings = (await work()) ?? settings
    } finally {
      resolve()
    }
  }

  function drain(): void {
    for (const worker of workers.keys()) tell(worker, { altgate: 'drain' })
  }

  async function stop(graceSeconds: number): Promise<void> {
    stopping = true
    const gone = [...workers.keys()].map(ended)
    for (const worker of workers.keys()) tell(worker, { altgate: 'stop' })
    await Promise.race([Promise.all(gone), delay(graceSeconds * 1000, undefined, { ref: false })])
    for (const worker of workers.keys()) worker.process.kill('SIGKILL')
    await Promise.all(gone)
  }

  try {
    for (let each = 0; each < size; each += 1) fork().catch(complete.reject)
    await Promise.race([complete.promise, aborted(abort)])
  } catch (error) {
    await stop(0)
    throw error
  }
  return {
    listening,
    order,
    change,
    drain,
    stop,
  }
}

/** `undefined`: it is carried out, or the worker is gone, and its replacement starts with what is in force then. */
function answerOf(worker: Worker, id: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const end = (flaw: string | undefined) => {
      clearTimeout(late)
      worker.off('message', hear)
      worker.off('exit', gone)
      resolve(flaw)
    }
    const hear = (message: FromWorker) => {
      if (message?.altgate === 'done' && message.id === id) end(message.flaw)
    }
    const gone = () => end(undefined)
    const late = setTimeout(end, orderMs, `worker ${worker.id} gave no answer within ${orderMs / 1000} s`)
    worker.on('message', hear).on('exit', gone)
  })
}

function passOn(printed: Buffer): void {
  if (process.stderr.writableLength < mostPrinted) process.stderr.write(printed)
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message)
}

function ended(worker: Worker): Promise<void> {
  return new Promise(resolve => void worker.once('exit', () => resolve()))
}

function listens(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message?.altgate === 'listening') resolve()
      if (message?.altgate === 'cannot-start') reject(new Failure(message.why))
    })
    worker.once('exit', (code, signal) => {
      // A worker that a signal ended is replaced; the next one may well start.
      if (worker.process.pid === undefined)
        reject(new Failure('A worker could not be started. The log says why.'))
      else if (signal === null)
        reject(
          new Failure(`A worker exited with status ${code} before it was listening. Its output says why.`),
        )
    })
  })
}

/** The time that a gateway has between SIGTERM and its exit. */
export interface Stopping {
  /** What is left of `stop.graceSeconds`. */
  secondsLeft(): number
  /** Gives load balancers time to notice what `/ready` says. Does not wait after Ctrl-C, which is for interactive use. */
  drain(fleet: { listening(): number; drain(): void }): Promise<void>
}

/** Seconds that shutdown may take after the last request. */
const closingSeconds = 10

/** Starts the clock when `stop` is aborted, even if the gateway is still starting. */
export function beginStopping({
  settings: { stop: limits },
  stop,
  log,
}: {
  readonly settings: Settings
  readonly stop: AbortSignal
  readonly log: Logger
}): Stopping {
  let since: number | undefined
  void aborted(stop).then(() => {
    since = performance.now()
    setTimeout(giveUp, (limits.graceSeconds + closingSeconds) * 1000, log).unref()
  })
  return {
    secondsLeft() {
      const gone = since === undefined ? 0 : (performance.now() - since) / 1000
      return Math.max(0, limits.graceSeconds - gone)
    },
    async drain(fleet) {
      if (stop.reason === 'SIGINT' || fleet.listening() === 0) return
      fleet.drain()
      await delay(Math.min(limits.drainSeconds, limits.graceSeconds) * 1000)
    },
  }
}

/** A part that hangs while it is being closed must not keep the process alive. */
function giveUp(log: Logger): void {
  log.fatal('not everything could be closed in time')
  process.exit(1)
}

/** Resolves when the signal is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
}
