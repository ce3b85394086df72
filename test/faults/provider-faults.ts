import { lineFaults, type Fault } from './fault.ts'
import type { Needs } from './world.ts'

const withProvider: Needs = { provider: true }

const nonsense =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"issuer": null}'

export const providerFaults: readonly Fault[] = lineFaults(
  'provider',
  withProvider,
  ({ provider }) => provider,
  {
    'does not answer': { kind: 'silent' },
    'refuses connections': { kind: 'refused' },
    'answers half a second late': { kind: 'slow', milliseconds: 500 },
    'answers nonsense': { kind: 'says', bytes: nonsense },
    'sends bytes that are no protocol': { kind: 'rubbish' },
    'loses bytes of its answers': { kind: 'lost', count: 3 },
    'resets each connection in the middle of an answer': { kind: 'cut', afterBytes: 60 },
  },
).map(fault => ({ ...fault, unnoticed: true }))
