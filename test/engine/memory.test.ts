import { LRUCache } from 'lru-cache'
import t from 'tap'
import { atMost, workerHeap } from '../../src/engine/memory.ts'
import { createPackedMatches } from '../../src/engine/packed-verdicts.ts'
import type { Proof, Revision, Subject, Username } from '../../src/gateway/names.ts'
import { heapGrowth } from '../support/heap-growth.ts'
import { run } from '../support/run.ts'

// Whether each piece of tuning still does something on this Node. What it is worth for a worker is measured by the figures
// that its comment names.

const memory = new URL('../../src/engine/memory.ts', import.meta.url).href

/** What a script printed under V8 options. */
async function printed(flags: readonly string[], script: string): Promise<number> {
  const { code, stdout, stderr } = await run(process.execPath, [
    ...flags,
    '--input-type=module',
    '--eval',
    script,
  ])
  if (code !== 0) throw new Error(stderr)
  return Number(stdout)
}

t.test('the young generation of a worker stays small', async t => {
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8'
    let most = 0
    for (let turn = 0; turn < 100; turn += 1) {
      const kept = Array.from({ length: 20_000 }, (_, index) => ({ index, text: 'x' + index }))
      const young = getHeapSpaceStatistics().find(space => space.space_name === 'new_space')
      most = Math.max(most, young.physical_space_size, kept.length)
    }
    console.log(most)`
  const [tuned, plain] = [await printed(workerHeap, script), await printed([], script)]
  // Two halves of 4 MiB, and the pages that threads of the collector hold while they copy: up to 15 MB were seen.
  t.ok(tuned < plain / 2, `${tuned} bytes instead of ${plain}`)
})

t.test('what bodies leave behind is collected as they pass, where there is a gc', async t => {
  const script = `
    import { setImmediate as turn } from 'node:timers/promises'
    import { bodyPassed } from '${memory}'
    let most = 0
    for (let piece = 0; piece < 4000; piece += 1) {
      bodyPassed(Buffer.allocUnsafeSlow(65_536).fill(1).length)
      if (piece % 8 === 0) await turn()
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    }
    console.log(most)`
  const plain = await printed(
    workerHeap.filter(flag => flag !== '--expose-gc'),
    script,
  )
  const tuned = await printed(workerHeap, script)
  t.ok(tuned <= 12 * 2 ** 20, `${tuned} bytes`)
  t.ok(tuned < plain / 2, `${tuned} bytes instead of ${plain}`)
})

t.test('a memory that takes room as it fills is smaller while it is empty', async t => {
  const held: unknown[] = []
  const full = await heapGrowth(() => held.push(new LRUCache<string, object>({ max: 50_000 })))
  const growing = await heapGrowth(() => held.push(new LRUCache<string, object>(atMost(50_000))))
  t.equal(held.length, 2)
  t.ok(growing < full / 10, `${growing} bytes instead of ${full}`)
})

t.test('packed matches weigh next to nothing on the heap', async t => {
  const users = 20_000
  const matchOf = (index: number) => ({
    found: 'match' as const,
    username: `user-${index}@example.com` as Username,
    subject: `00000000-0000-0000-0000-${index}` as Subject,
    asOf: index as Revision,
    via: 'l1' as const,
    until: index,
  })
  const proofOf = (index: number) => Buffer.alloc(32, `${index} `).toString('base64url') as Proof
  const packed = createPackedMatches(users)
  const objects = new Map<Proof, object>()
  const asObjects = await heapGrowth(() => {
    for (let index = 0; index < users; index += 1) objects.set(proofOf(index), matchOf(index))
  })
  const asBytes = await heapGrowth(() => {
    for (let index = 0; index < users; index += 1) packed.set(proofOf(index), matchOf(index))
  })
  t.equal(packed.get(proofOf(7))?.username, objects.size === users ? 'user-7@example.com' : undefined)
  t.ok(asBytes < asObjects / 10, `${asBytes} bytes instead of ${asObjects}`)
})
