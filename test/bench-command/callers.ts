import { Secret } from '../../src/gateway/secret.ts'
import type { Anonymous, Good, Load, Unknown, Wrong } from '../../src/bench/load.ts'

// A caller of each kind, and a load that a test changes where it matters.

export const anna: Good = {
  name: 'anna',
  kind: 'good',
  weight: 1,
  path: '',
  user: 'anna@example.com',
  password: new Secret('right-password'),
  expect: 'allow',
}
export const mistaken: Wrong = { name: 'mistaken', kind: 'wrong', weight: 1, path: '', user: anna.user }
export const stranger: Unknown = { name: 'stranger', kind: 'unknown', weight: 1, path: '' }
export const git: Anonymous = { name: 'git', kind: 'anonymous', weight: 1, path: '' }

export const load: Load = {
  ratesPerSecond: [100],
  arrivals: 'uniform',
  warmUpSeconds: 0,
  durationSeconds: 2,
  timeoutSeconds: 10,
  requestsInFlight: 1000,
}
