import { reasonOf } from '../common/failure.ts'
import type { Instant } from '../gateway/names.ts'
import type { Settings } from '../settings/schema.ts'
import { certificateEnds } from './certificates.ts'
import { type StatusDocument, type StoreView, timeOf, type Unknown } from './document.ts'
import { askOperations } from './operations.ts'
import type { Shown } from './screen.ts'

/** Milliseconds that the gateway may take. */
const patienceMs = 3000

/** What the gateway of these settings on this machine says of itself, on its operations port. Never rejects. */
export async function askGateway(operations: Settings['operations']): Promise<StatusDocument | Unknown> {
  if (operations.port === 0)
    return { unknown: 'operations.port is 0, so the gateway chose a port that its log names' }
  try {
    const { status, text } = await askOperations(operations, '/status.json', { method: 'GET', patienceMs })
    // Made by the gateway of this version; another program hardly answers 200 to this.
    if (status === 200) return JSON.parse(text) as StatusDocument
    return {
      unknown:
        status === 404 ? 'another program, or an older Altgate, is listening there' : `it answered ${status}`,
    }
  } catch (error) {
    return { unknown: reasonOf(error) }
  }
}

/** Both together: without the store, what the gateway says is better than nothing. */
export function wholeStatus(
  settings: Parameters<typeof certificateEnds>[0],
  {
    at,
    told,
    view,
  }: { readonly at: Instant; readonly told: StatusDocument | Unknown; readonly view: StoreView | Unknown },
): Shown {
  const known = 'unknown' in view ? allUnknown(view) : view
  const fallback = 'unknown' in told ? known : told
  const either = <T extends object>(one: T | Unknown, other: T | Unknown) => ('unknown' in one ? other : one)
  return {
    at: timeOf(at),
    told,
    gateways: either(known.gateways, fallback.gateways),
    moves: either(known.moves, fallback.moves),
    refusals: either(known.refusals, fallback.refusals),
    certificates: 'unknown' in told ? certificateEnds(settings) : told.certificates,
  }
}

function allUnknown(unknown: Unknown): StoreView {
  return { gateways: unknown, moves: unknown, refusals: unknown }
}

/** For programs. */
export function statusJson({ at, told, ...known }: Shown): object {
  return 'unknown' in told ? { at, gateway: told, ...known } : { ...told, ...known }
}
