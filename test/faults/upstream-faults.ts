import { lineFaults, type Fault } from './fault.ts'
import type { Needs } from './world.ts'

/** An upstream that says nothing is given up after two seconds, not after five minutes. */
const impatient: Needs = { settings: { upstream: { headersTimeoutSeconds: 2, idleTimeoutSeconds: 2 } } }

export const upstreamFaults: readonly Fault[] = [
  ...lineFaults('upstream', impatient, ({ upstream }) => upstream.line, {
    'does not answer': { kind: 'silent' },
    'refuses connections': { kind: 'refused' },
    'answers half a second late': { kind: 'slow', milliseconds: 500 },
    'sends an answer before each answer': { kind: 'surplus', bytes: 'HTTP/1.1 100 Continue\r\n\r\n' },
    'loses bytes of its answers': { kind: 'lost', count: 3 },
    'sends bytes that are no protocol': { kind: 'rubbish' },
    'drops each connection in the middle of an answer': { kind: 'cut', afterBytes: 60 },
  }),
]
