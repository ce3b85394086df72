import { reasonOf } from '../common/failure.ts'

/** The result for one part. */
export interface Finding {
  readonly part: string
  readonly ok: boolean
  readonly sentence: string
}

/** How long a part may take to answer, in milliseconds. */
export const timeoutMs = 3000

/** Extra milliseconds for a part with a limit of its own, which can say where the silence was. */
const graceMs = 1000

/** Checks a part; `work` returns the sentence if the check passes. Never throws and never hangs. */
export async function probe(part: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { part, ok: true, sentence: await within(work()) }
  } catch (error) {
    return { part, ok: false, sentence: reasonOf(error) }
  }
}

/** The same promise, or a rejection when the time is up. */
export async function within<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const silent = () => reject(new Error(`no answer within ${timeoutMs / 1000} seconds`))
  const timer = setTimeout(silent, timeoutMs + graceMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
