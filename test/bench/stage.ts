import { setTimeout as delay } from 'node:timers/promises'
import { temporaryDirectory } from '../support/directory.ts'

/** What a figure is given: a place to start things, which all end with it. */
export interface Stage {
  /** Seconds instead of minutes: shows that everything works, and nothing else. */
  readonly quick: boolean
  /** Aborted when somebody has had enough. */
  readonly stop: AbortSignal
  /** One line about what is going on, for whoever waits. */
  readonly say: (text: string) => void
  /** Called when the figure is done or has failed, the last first. */
  readonly teardown: (end: () => unknown) => void
  /** A new empty folder, which goes with the figure. */
  readonly folder: () => string
  readonly pause: (seconds: number) => Promise<void>
}

/** Runs `work` on a stage of its own and clears the stage, whatever happens. */
export async function onStage<T>(
  { quick, stop, say }: Pick<Stage, 'quick' | 'stop' | 'say'>,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  await using open = new AsyncDisposableStack()
  const teardown: Stage['teardown'] = end =>
    open.defer(async () => {
      await end()
    })
  return await work({
    quick,
    stop,
    say,
    teardown,
    folder: () => temporaryDirectory({ teardown }),
    pause: seconds => delay(seconds * 1000, undefined, { signal: stop }),
  })
}
