import type { Change } from '../gateway/history.ts'
import type { Revision } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { ChangeLog } from '../gateway/ports.ts'

/** Milliseconds between two looks at the log of changes. */
const pause = 1000

/**
 * Tells of every change from now on, whichever process on whichever machine makes it, within a second or as soon as
 * the store answers again. Throws `Outage` if it cannot begin.
 */
export async function followChanges(
  changes: ChangeLog,
  changed: (change: Change) => void,
): Promise<{ stop(): void }> {
  let last: Revision = await changes.revision()
  let pulse: number | undefined
  let looking = false

  async function look(): Promise<void> {
    if (looking) return
    looking = true
    try {
      const now = changes.pulse()
      if (now !== undefined && now === pulse) return
      await follow()
      pulse = now
    } catch (error) {
      if (!(error instanceof Outage)) throw error // whoever watches the store reports it
    } finally {
      looking = false
    }
  }

  async function follow(): Promise<void> {
    const news = await changes.since(last)
    if (news === 'gap') last = await changes.revision()
    else
      for (const change of news) {
        changed(change)
        last = change.revision
      }
  }

  const timer = setInterval(() => void look(), pause)
  return { stop: () => clearInterval(timer) }
}
