import { firstWords, wireTo, type Run, type SignIn, type Wire, type WireAnswer } from './wire.ts'

/**
 * One SOAP call of Team Explorer Everywhere's `tf`, by the rules of its sources (`SOAPService`,
 * `examineHeadersForFederatedAuthURL`, `BasicScheme`), plain http allowed: without a credential first, then with one;
 * after a 401 it asks the person again, who has `signIns` to try, unless it was told to stop.
 */
export async function tf(
  url: string,
  signIns: readonly SignIn[],
  version: '1.1' | '1.2' = '1.1',
): Promise<Run> {
  const wire = wireTo(url, 'POST', { ...userAgent, ...soapHeaders[version] })
  for (const [at, signIn] of signIns.entries()) {
    const shown = shownOf(await call(wire, signIn), version)
    if (shown !== undefined) return { shown, requests: wire.sent(), asked: at + 1 }
  }
  return { shown: accessDenied, requests: wire.sent(), asked: signIns.length }
}

/** The upload or download of a file, by the rules of its `VersionControlClient` (`handleStatus`): it asks nobody. */
export async function tfTransfer(url: string, method: 'GET' | 'POST', signIn: SignIn): Promise<string> {
  const answer = await call(wireTo(url, method, userAgent), signIn)
  const { status, body } = answer
  if (status === 200) return body
  const told = status === 500 && answer.header('x-versioncontrol-exception') !== undefined
  if (!told) return `The server returned HTTP status ${status}`
  const length = Number(answer.header('content-length'))
  return length > 2048 ? 'Could not parse the error message from the server' : body
}

const userAgent = { 'User-Agent': 'Team  Explorer  Everywhere, SKU:9 (CLC 14.134.0.1 Release; jvm; Linux)' }
const soapHeaders = {
  '1.1': { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '"http://microsoft.com/Connect"' },
  '1.2': { 'Content-Type': 'application/soap+xml; charset=utf-8' },
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
function shownOf(answer: WireAnswer, version: '1.1' | '1.2'): string | undefined {
  const { status, body } = answer
  if (status === 200) return body
  if (status === 401) return shownOfUnauthorized(answer)
  if (status === 500) return shownOfFault(body, version)
  const text = status === 503 ? decoded(answer, 'x-tfs-serviceerror') : undefined
  return text === undefined ? `could not be contacted. HTTP status: ${status}` : `An error occurred: ${text}`
}

/** It knows elements by their names with the prefix, whatever that stands for, and needs the language in SOAP 1.2. */
function shownOfFault(body: string, version: '1.1' | '1.2'): string {
  const text = version === '1.1' ? 'faultstring>' : 'soap:Reason>\\s*<soap:Text xml:lang="[^"]*">'
  const fault = new RegExp(`<soap:Envelope [^>]*>.*<soap:Body>.*<soap:Fault>.*<${text}([^<]*)<`, 's').exec(
    body,
  )
  if (fault === null) return 'could not be parsed as XML. No SOAP fault found.'
  const entities = { lt: '<', gt: '>', amp: '&' }
  return (fault[1] ?? '').replace(/&(lt|gt|amp);/g, (_, name: keyof typeof entities) => entities[name])
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
