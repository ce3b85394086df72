import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import type { AccountName } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'

// A process of its own: opens the store whose address stands in its input at the given time, changes something,
// prints the key.
const [startAt, account] = process.argv.slice(2)
const url = new Secret(await text(process.stdin))
await setTimeout(Number(startAt) - Date.now())
const store = await openStore({ url })
const name = account as AccountName // the test's own words
await store.registry(async () => {}).addAccount('cli:root', { name, upstream: 'https://tfs.example.com' })
process.stdout.write(Buffer.from(await store.key('verdicts')).toString('hex'))
await store.close()
