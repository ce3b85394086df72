/** Waits for those who must have heard something: until each has answered, or its lease has run out. */
export interface RollCall {
  answered(name: string): void
  /** `present`: milliseconds of lease that each has left. Answers that came before count. */
  complete(present: ReadonlyMap<string, number>): Promise<void>
  /** Those that are still waited for. */
  silent(): readonly string[]
}

export function createRollCall(): RollCall {
  const answers = new Set<string>()
  const waiting = new Map<string, () => void>()

  function answerOf(name: string, ms: number): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        waiting.delete(name)
        resolve()
      }
      const timer = setTimeout(done, ms).unref() // the connections keep the process while they stand
      waiting.set(name, () => {
        clearTimeout(timer)
        done()
      })
    })
  }

  return {
    answered(name) {
      answers.add(name)
      waiting.get(name)?.()
    },
    async complete(present) {
      const silent = [...present].filter(([name]) => !answers.has(name))
      await Promise.all(silent.map(([name, ms]) => answerOf(name, ms)))
    },
    silent: () => [...waiting.keys()],
  }
}
