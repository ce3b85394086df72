import { firstWords, wireTo, type Run, type SignIn, type Wire, type WireAnswer } from './wire.ts'

/**
 * One SOAP call of Team Explorer Everywhere's `tf`, by the rules of its sources (`SOAPService`,
 * `examineHeadersForFederatedAuthURL`, `BasicScheme`), plain http allowed: without a credential first, then with one;
 * after a 401 it asks the person again, who has `signIns` to try, unless it was told to stop.
 */
export async function tf(url: string, signIns: readonly SignIn[]): Promise<Run> {
  const wire = wireTo(url, 'POST', {
    'User-Agent': 'Team  Explorer  Everywhere, SKU:9 (CLC 14.134.0.1 Release; jvm; Linux)',
    'Content-Type': 'text/xml; charset=utf-8',
    SOAPAction: '"http://microsoft.com/Connect"',
  })
  for (const [at, signIn] of signIns.entries()) {
    const shown = shownOf(await call(wire, signIn))
    if (shown !== undefined) return { shown, requests: wire.sent(), asked: at + 1 }
  }
  return { shown: accessDenied, requests: wire.sent(), asked: signIns.length }
}

const accessDenied = 'Access denied connecting to TFS server'

/** It has no memory from call to call, and sends Basic only if nothing stronger is offered. */
async function call(wire: Wire, { username, password }: SignIn): Promise<WireAnswer> {
  const first = await wire.send()
  if (first.status !== 401) return first
  const offered = firstWords(first.lines('www-authenticate'))
  const strongest = ['negotiate', 'ntlm', 'digest', 'basic'].find(scheme => offered.includes(scheme))
  if (strongest !== 'basic') return first
  return wire.send({ username: usAscii(username), password: usAscii(password) })
}

/** What is printed before it stops; `undefined`: it asks for another password. */
function shownOf(answer: WireAnswer): string | undefined {
  const { status, body } = answer
  if (status === 200) return body
  if (status === 401) return shownOfUnauthorized(answer)
  const text = status === 503 ? decoded(answer, 'x-tfs-serviceerror') : undefined
  return text === undefined ? `could not be contacted. HTTP status: ${status}` : `An error occurred: ${text}`
}

/** Only the three addresses together make it final; the text alone is not looked at. */
function shownOfUnauthorized(answer: WireAnswer): string | undefined {
  const redirect = decoded(answer, 'x-tfs-fedauthredirect') ?? decoded(answer, 'location')
  const issuer = decoded(answer, 'x-tfs-fedauthissuer')
  const realm = decoded(answer, 'x-tfs-fedauthrealm')
  const text = decoded(answer, 'x-tfs-serviceerror')
  if (redirect === undefined || issuer === undefined || realm === undefined) return undefined
  return `TF31003: not the necessary credentials at ${realm}. ${text ?? ''}`
}

/** As `java.net.URLDecoder`: a plus sign is a blank, and a bare percent sign throws. */
function decoded(answer: WireAnswer, name: string): string | undefined {
  const value = answer.header(name)
  return value === undefined ? undefined : decodeURIComponent(value.replaceAll('+', ' '))
}

/** As Java's encoder: what is not in the charset becomes a question mark. */
function usAscii(text: string): string {
  return text.replace(/[^ -~]/gu, '?')
}
