import { lineFaults, type Fault } from './fault.ts'
import { alone } from './world.ts'

export const upstreamFaults: readonly Fault[] = [
  ...lineFaults('upstream', alone, ({ upstream }) => upstream.line, {
    'does not answer': { kind: 'silent' },
    'refuses connections': { kind: 'refused' },
    'answers half a second late': { kind: 'slow', milliseconds: 500 },
    'sends an answer before each answer': { kind: 'surplus', bytes: 'HTTP/1.1 100 Continue\r\n\r\n' },
    'loses bytes of its answers': { kind: 'lost', count: 3 },
    'sends bytes that are no protocol': { kind: 'rubbish' },
    'drops each connection in the middle of an answer': { kind: 'cut', afterBytes: 60 },
  }),
]
