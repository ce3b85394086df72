import { forwardAuthSteps } from './forward-auth.ts'
import type { Step } from './parts.ts'
import { proxiedSteps } from './proxied.ts'

/** The two ways of a request through the gateway. */
export type LadderName = 'proxied' | 'forward-auth'

/** Each step does all that the one before does, with the modules of the product. The gateway itself comes after the last. */
export function stepsOf(ladder: LadderName): readonly Step[] {
  return ladder === 'proxied' ? proxiedSteps : forwardAuthSteps
}
