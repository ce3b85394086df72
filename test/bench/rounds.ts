import type { Stage } from './stage.ts'

/**
 * Measures every contender once in each round, forwards and then backwards (A B C, C B A, ...), so that a machine that
 * becomes slower or faster meanwhile does so for all of them. Gives what each contender got, round by round.
 */
export async function inRounds<Contender extends { readonly name: string }, Measured>(
  { say, stop }: Stage,
  rounds: number,
  contenders: readonly Contender[],
  measure: (contender: Contender, round: number) => Promise<Measured>,
): Promise<ReadonlyMap<Contender, readonly Measured[]>> {
  const measured = new Map<Contender, Measured[]>(contenders.map(each => [each, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      stop.throwIfAborted()
      say(`round ${round + 1} of ${rounds}: ${contender.name}`)
      measured.get(contender)?.push(await measure(contender, round))
    }
  }
  return measured
}
