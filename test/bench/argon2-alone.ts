import { createArgon2id } from '../../src/hashing/argon2id.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { usualCost } from './fill-store.ts'

// A process that checks one password again and again and does nothing else: what a core can do at most. Told for how
// many seconds, it says how many checks it made in each.

const hasher = await createArgon2id({ cost: usualCost, onFlaw: () => {} })
const password = new Secret('a password that is right')
const hash = await hasher.hash(password)

process.on('message', (seconds: number) => void check(seconds).then(perSecond => process.send?.(perSecond)))
process.send?.('ready')

async function check(seconds: number): Promise<number> {
  const began = performance.now()
  let checks = 0
  while (performance.now() - began < seconds * 1000) {
    await hasher.compare({ password }, hash)
    checks += 1
  }
  return (checks * 1000) / (performance.now() - began)
}
