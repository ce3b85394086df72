import { createHmac, createSecretKey } from 'node:crypto'
import type { History, Moment } from '../gateway/history.ts'
import { derive, type Keys } from '../gateway/key-ring.ts'
import type { Proof } from '../gateway/names.ts'
import { seal, unseal } from '../gateway/sealed.ts'
import type { Finding } from '../gateway/decision.ts'
import type { Kept } from './kept.ts'

/**
 * Verdicts as stored in Redis: `<until> <number of the last change> <sealed finding>`. Sealed, because a match contains a
 * user name, and because write access to Redis must not suffice to forge a verdict and get in without a password.
 */
export interface Seal {
  /** What a proof is called in Redis: a proof itself could be guessed with a key that stays. */
  name(proof: Proof): string
  /** `undefined`: the revision that it was found as of is no longer known. */
  close(proof: Proof, kept: Kept): string | undefined
  /** `undefined` if it was not sealed for this proof with this key, or was changed: it counts as missing. */
  open(proof: Proof, text: string): Kept | undefined
}

/** Translates a verdict's revision into a form that every process understands. */
export type Moments = Pick<History, 'momentOf' | 'revisionOf'>

interface Sealed extends Omit<Moment, 'number'> {
  readonly finding: Finding
}

/** `keys`: what another one has sealed counts as missing. */
export function createSeal(keys: Keys, history: Moments): Seal {
  const secrets = derive(keys, ({ bytes }) => createSecretKey(bytes))

  /** One key per proof: it binds the verdict to the proof, and no key seals enough to exhaust its random IVs. */
  function keyFor(proof: Proof): Buffer {
    return createHmac('sha256', secrets.current()).update(`altgate verdict 2 ${proof}`).digest()
  }

  function close(proof: Proof, { verdict, until }: Kept): string | undefined {
    const { asOf, via: _, ...finding } = verdict
    const moment = history.momentOf(asOf)
    if (moment === undefined) return undefined
    const { number, ...rest } = moment
    const clear = `${until} ${number}`
    return `${clear} ${seal(keyFor(proof), JSON.stringify({ finding, ...rest }), clear)}`
  }

  function open(proof: Proof, text: string): Kept | undefined {
    const [until = '', number = '', sealed = ''] = text.split(' ')
    const opened = unseal(keyFor(proof), sealed, `${until} ${number}`)
    if (opened === undefined) return undefined
    // Only `close` can have made it.
    const { finding, ...rest } = JSON.parse(opened.toString()) as Sealed
    const asOf = history.revisionOf({ ...rest, number: Number(number) })
    if (asOf === undefined) return undefined
    return { verdict: { ...finding, asOf, via: 'l2' }, until: Number(until) }
  }

  function name(proof: Proof): string {
    return createHmac('sha256', secrets.current()).update(`altgate name 1 ${proof}`).digest('base64url')
  }

  return { name, close, open }
}
