import type { Answers } from './figure.ts'
import { anna, basic } from './people.ts'
import type { Stage } from './stage.ts'
import { answerBytes } from './upstream.ts'
import { load, type Loaded } from './wrk.ts'

/** A server under measurement, Altgate or a peer. */
export interface Server {
  /** As tables and plots call it. */
  readonly name: string
  /** Where the small answer is found. */
  readonly url: string
  /** Its first process: what it costs is what this one and its descendants cost. */
  readonly pid: number
  /** Headers that every request must carry. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether it asks for a password at all. */
  readonly guarded: boolean
  /** Whether it hashes on every request: then few connections are as good as many. */
  readonly slow: boolean
}

/**
 * Asks with the right password, a wrong one and none. Throws unless the first gets the upstream's answer and, where
 * there is a guard, the others get 401: a server that lets everybody in, or nobody, is quickly measured.
 */
export async function answersOf(
  { name, url, headers, guarded }: Server,
  bytes = answerBytes,
): Promise<Answers> {
  const ask = (password?: string) =>
    fetch(url, {
      headers: {
        ...headers,
        ...(password !== undefined && { authorization: basic({ ...anna, password }) }),
      },
    })
  const right = await ask(anna.password)
  const { length } = await right.text()
  const wrong = await ask('a wrong password')
  const none = await ask()
  const answers = { server: name, right: right.status, wrong: wrong.status, none: none.status }

  const refusal = guarded ? 401 : 200
  if (right.status !== 200 || length !== bytes || wrong.status !== refusal || none.status !== refusal)
    throw new Error(`${name} does not do its work: ${JSON.stringify({ ...answers, length })}`)
  return answers
}

/**
 * So many answers are enough for a quick run: what is known to the gateway costs some hundredths of a second of CPU time then,
 * which is what can be read.
 */
const quickly = { fast: 1000, slow: 10 } as const

/** Asks for the small answer as often as it can, with the right password. Throws if anything else comes back. */
export async function hammer(
  stage: Stage,
  server: Server,
  seconds: number,
  connections = server.slow ? 2 : 32,
): Promise<Loaded> {
  const { name, url } = server
  const headers = { ...server.headers, Authorization: basic(anna) }
  const args = stage.quick ? [server.slow ? quickly.slow : quickly.fast] : []
  const loaded = await load(stage, { url, headers, seconds, connections, args })
  if (loaded.refused > 0 || loaded.broken > 0)
    throw new Error(`${name} did not answer as it should: ${JSON.stringify(loaded)}`)
  return loaded
}
