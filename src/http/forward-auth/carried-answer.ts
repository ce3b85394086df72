import type { Answer } from '../answer.ts'

/** A whole answer as the value of one header: a proxy that cannot pass it on itself brings it back to the door. */
export function packed(answer: Answer): string {
  return Buffer.from(JSON.stringify(answer)).toString('base64url')
}

/** What `packed` was given; `undefined` if the text is nothing that it ever made. */
export function unpacked(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return isAnswer(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null) return false
  const { status, reason, headers, body } = value as Partial<Record<keyof Answer, unknown>> // each is looked at below
  return (
    typeof status === 'number' &&
    Number.isInteger(status) &&
    status >= 400 &&
    status < 600 &&
    typeof body === 'string' &&
    (reason === undefined || (typeof reason === 'string' && /^[ -~]*$/.test(reason))) &&
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every(each => typeof each === 'string')
  )
}
