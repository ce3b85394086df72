/** Waits for those who must have heard something: until each has answered, or its lease has run out. */
export interface RollCall {
  answered(name: string): void
  /** `present`: milliseconds of lease that each has left. Answers that came before count. */
  complete(present: ReadonlyMap<string, number>): Promise<void>
}

export function createRollCall(): RollCall {
  const answers = new Set<string>()
  const waiting = new Map<string, () => void>()

  function answerOf(name: string, ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms).unref() // the connections keep the process while they stand
      waiting.set(name, () => {
        clearTimeout(timer)
        resolve()
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
  }
}
