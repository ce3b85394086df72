import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { basicOf } from './ask.ts'

/** An answer as it was on the wire. */
export interface WireAnswer {
  readonly status: number
  /** The reason phrase. */
  readonly reason: string
  /** The values of every line of that name, each by itself. */
  readonly lines: (name: string) => readonly string[]
  /** Of the first line of that name. */
  readonly header: (name: string) => string | undefined
  readonly body: string
}

/** What a person types, or a credential helper gives. */
export interface SignIn {
  readonly username: string
  readonly password: string
}

/** How a tool's run ended, and what it took. */
export interface Run {
  /** What the person reads of it. */
  readonly shown: string
  readonly requests: number
  /** Sign-ins that the tool asked for. */
  readonly asked: number
}

/** One tool's connection: sends without a credential or with one, and counts. */
export interface Wire {
  send(signIn?: SignIn): Promise<WireAnswer>
  sent(): number
}

/** Asks for `url` as a tool does that says of itself what `headers` say. */
export function wireTo(url: string, method: string, headers: Readonly<Record<string, string>> = {}): Wire {
  let sent = 0
  const send = (signIn?: SignIn) =>
    new Promise<WireAnswer>((resolve, reject) => {
      sent++
      const authorization = signIn && { Authorization: basicOf(signIn.username, signIn.password) }
      request(url, { method, headers: { ...headers, ...authorization }, agent: false }, response => {
        const { rawHeaders, statusCode: status = 0, statusMessage: reason = '' } = response
        const lines = (name: string) =>
          rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
        text(response).then(
          body => resolve({ status, reason, lines, header: name => lines(name)[0], body }),
          reject,
        )
      })
        .on('error', reject)
        .end()
    })
  return { send, sent: () => sent }
}

/** The schemes that are offered, for those who read no more than the first word of each line. */
export function firstWords(challenges: readonly string[]): readonly string[] {
  return challenges.map(line => (line.split(' ', 1)[0] ?? '').toLowerCase())
}
