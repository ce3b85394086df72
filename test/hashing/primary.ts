import { ipcChannel } from '../../src/common/channel.ts'
import { startLanes, type HashResult } from '../../src/hashing/lanes.ts'
import { serveHashing } from '../../src/hashing/remote.ts'
import { cheap } from './contract.ts'

// A process with hash lanes that serves its parent. On the same pipe it says what it has counted, and closes the
// lanes when it is told to: messages that do not concern hashing.

/** What this process says about itself. */
export type PrimarySays =
  | { readonly ready: true }
  | { readonly counted: HashResult }
  | { readonly closed: true }

const lanes = await startLanes({
  lanes: 2,
  queueLimit: 10,
  cost: cheap,
  onHash: counted => say({ counted }),
  onQueue: () => {},
  onCrash: () => {},
  onFlaw: () => {},
})
process.on('message', async message => {
  if (message !== 'close') return
  await lanes.close()
  say({ closed: true })
})
serveHashing(lanes, ipcChannel(process))
say({ ready: true })

function say(message: PrimarySays): void {
  process.send?.(message)
}
