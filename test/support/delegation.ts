import type { Allow } from '../../src/gateway/decision.ts'
import type { Delegation, SignInCause, UserToken } from '../../src/gateway/delegation.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { steadyNow } from '../../src/gateway/steady-now.ts'

/** What a delegation gives, at once or later; what is thrown is an outage or a bug. */
type Given = UserToken | SignInCause | (() => Promise<UserToken | SignInCause>)

/** One rejection, as the delegation was told of it. */
export interface ToldRejection {
  readonly username: string
  readonly token: string
  readonly claims: string | undefined
}

export interface GivenDelegation extends Delegation {
  /** User names in the order in which tokens were asked for. */
  readonly asked: readonly string[]
  readonly rejections: readonly ToldRejection[]
  /** What users get from now on: the first that has not been given yet, and then always the last. */
  give(...tokens: readonly Given[]): void
  /** What follows a rejection from now on, in the same way. */
  giveAfterRejection(...tokens: readonly Given[]): void
}

/** A token that ends in an hour. */
export function userToken(text: string, lifeMs = 3_600_000): UserToken {
  return { token: new Secret(text), endsAt: steadyNow() + lifeMs }
}

/** A delegation that gives what a test wants. `isExempt`: user names whose requests do not act by delegation. */
export function givenDelegation(
  token: Given = userToken('first-token'),
  isExempt: (username: string) => boolean = () => false,
): GivenDelegation {
  const asked: string[] = []
  const rejections: ToldRejection[] = []
  let tokens: readonly Given[] = [token]
  let next: readonly Given[] = ['ended']

  function taken(given: readonly Given[]): readonly [Given, readonly Given[]] {
    const [first = 'ended', ...rest] = given
    return [first, rest.length === 0 ? given : rest]
  }

  return {
    asked,
    rejections,
    give: (...given) => void (tokens = given),
    giveAfterRejection: (...given) => void (next = given),
    tokenFor({ username }: Allow) {
      if (isExempt(username)) return undefined
      asked.push(username)
      const [given, rest] = taken(tokens)
      tokens = rest
      return typeof given === 'function' ? given() : given
    },
    async rejected({ username }, { token: rejected }, claims) {
      rejections.push({ username, token: rejected.reveal(), claims })
      const [given, rest] = taken(next)
      next = rest
      return typeof given === 'function' ? await given() : given
    },
  }
}
