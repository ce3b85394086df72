import { startSmallGateway } from './small-gateway.ts'

/** A small gateway in a process of its own, to be stopped and continued: answers each password it is sent. */

const [url = '', file = '', leaseMs = ''] = process.argv.slice(2)
const gateway = startSmallGateway({ redis: url, file, leaseMs: Number(leaseMs) })

process.on('message', async (password: string) => {
  const answer = await gateway.says(password)
  process.send?.({ ...answer, lease: gateway.news.holdsLease() })
})
process.on('disconnect', () => process.exit())
