import { workerHeap } from '../../src/engine/memory.ts'
import { run } from './run.ts'

/** For scripts: calls `work` often enough for V8 to have optimised it, then once more, and prints how often V8 had to collect the whole heap for that. */
const counted = `
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
async function count(work) {
  await work(500)
  gc() // what a long-lived collection holds is old from now on
  let [whole, young] = [0, 0]
  new PerformanceObserver(list => {
    for (const { detail } of list.getEntries()) {
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole += 1
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) young += 1
    }
  }).observe({ entryTypes: ['gc'] })
  await work(4000)
  await turn()
  if (young === 0) throw new Error('no collection was seen at all')
  console.log(whole)
}`

/** How often V8 collects the whole heap, as in a worker, while a script does `await count(async turns => …)`: what it leaves behind should be young. */
export async function wholeCollections(script: string): Promise<number> {
  const flags = [...workerHeap, '--input-type=module', '--eval', counted + script]
  const { code, stdout, stderr } = await run(process.execPath, flags)
  if (code !== 0 || stdout === '') throw new Error(stderr)
  return Number(stdout)
}
