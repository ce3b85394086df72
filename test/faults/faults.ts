import type { Fault } from './fault.ts'
import { clockFaults, diskFaults, pipeFaults } from './machine-faults.ts'
import { postgresFaults } from './postgres-faults.ts'
import { processFaults } from './process-faults.ts'
import { providerFaults } from './provider-faults.ts'
import { redisFaults } from './redis-faults.ts'
import { sqliteFaults } from './sqlite-faults.ts'
import { upstreamFaults } from './upstream-faults.ts'

/** In the order of the table. */
export const faults: readonly Fault[] = [
  ...redisFaults,
  ...postgresFaults,
  ...sqliteFaults,
  ...upstreamFaults,
  ...providerFaults,
  ...processFaults,
  ...clockFaults,
  ...diskFaults,
  ...pipeFaults,
]
