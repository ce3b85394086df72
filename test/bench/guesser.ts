import { Agent, request } from 'node:http'
import { setPriority } from 'node:os'
import { anna, basic } from './people.ts'

// A process that guesses: so many connections, each from an address of its own, each with another wrong password for
// Anna as soon as the last one was answered. It says how many answers it got when it is told to stop.

// Guessers have machines of their own: the CPU time that they take must not be missing elsewhere.
setPriority(5)

const [url = '', connections = '50'] = process.argv.slice(2)
let answered = 0
let stopped = false

process.on('message', () => {
  stopped = true
  process.send?.(answered)
})
process.send?.('ready')
await Promise.all(Array.from({ length: Number(connections) }, (_, number) => guess(number)))

async function guess(number: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: `127.0.1.${number + 1}` })
  for (let attempt = 0; !stopped; attempt += 1) {
    if (await isAnswered(agent, `guess ${attempt} of ${number}`)) answered += 1
  }
  agent.destroy()
}

/** Whether there was an answer, whichever. */
function isAnswered(agent: Agent, password: string): Promise<boolean> {
  return new Promise(resolve => {
    const headers = { authorization: basic({ ...anna, password }) }
    request(url, { headers, agent }, answer => answer.resume().on('close', () => resolve(answer.complete)))
      .on('error', () => resolve(false))
      .end()
  })
}
