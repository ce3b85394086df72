/** An answer of Azure DevOps, as captures of real traffic show it. Header names with several lines have a list. */
export interface CannedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string
}

const zero = '00000000-0000-0000-0000-000000000000'

const html = { 'content-type': 'text/html; charset=utf-8' }
const json = { 'content-type': 'application/json; charset=utf-8' }
const plain = { 'content-type': 'text/plain; charset=utf-8' }

/** On every answer: who answered, and under which ids support would find it. */
const always = {
  'x-tfs-processid': '0b3b0a5c-7a9a-4f7d-9a43-0d6f7ee6a1a5',
  activityid: 'f6a4e0a2-5d39-4b0c-9a8f-0f4b87a0b8f1',
  'x-tfs-session': 'f6a4e0a2-5d39-4b0c-9a8f-0f4b87a0b8f1',
  'x-vss-e2eid': 'f6a4e0a2-5d39-4b0c-9a8f-0f4b87a0b8f1',
}

const signInPage =
  '<!DOCTYPE html>\n<html><head><title>Azure DevOps Services | Sign In</title></head></html>\n'

export const anonymousText =
  'TF400813: Resource not available for anonymous access. Client authentication required.'
const refusedText =
  "TF400813: The user 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' is not authorized to access this resource."

function errorHeaders(text: string): CannedAnswer['headers'] {
  const encoded = encodeURIComponent(text)
  return { ...always, 'x-tfs-serviceerror': encoded, 'x-tfs-soapexception': encoded }
}

/** The challenge of today to an account in a directory. */
export function challengeOfToday(account: string, directoryId: string): CannedAnswer {
  return {
    status: 401,
    headers: {
      ...html,
      ...errorHeaders(anonymousText),
      'www-authenticate': [
        `Bearer authorization_uri=https://login.microsoftonline.com/${directoryId}`,
        'Basic realm="https://tfsprodneu2.visualstudio.com/"',
        'TFS-Federated',
      ],
      'x-vss-authorizationendpoint': `https://vssps.dev.azure.com/${account}/`,
      'x-vss-resourcetenant': directoryId,
    },
    body: signInPage,
  }
}

/** The challenge of 2017 to an account of Microsoft accounts: everything on one line. */
export function challengeOf2017(account: string): CannedAnswer {
  const realm = 'https://tfs.app.visualstudio.com/'
  return {
    status: 401,
    headers: {
      ...html,
      ...errorHeaders(anonymousText),
      'www-authenticate': `Basic realm="${realm}", Bearer, TFS-Federated`,
      'x-tfs-fedauthrealm': realm,
      'x-tfs-fedauthissuer': `https://${account}.visualstudio.com/`,
      'x-tfs-fedauthredirect': `https://app.vssps.visualstudio.com/_signin?realm=${account}.visualstudio.com`,
      'x-vss-resourcetenant': zero,
    },
    body: signInPage,
  }
}

/** To whoever does not send `X-TFS-FedAuthRedirect: Suppress`. */
export function signInRedirect({ headers }: CannedAnswer, account: string): CannedAnswer {
  const location = `https://app.vssps.visualstudio.com/_signin?realm=dev.azure.com&reply_to=https%3A%2F%2Fdev.azure.com%2F${account}%2F`
  return { status: 302, headers: { ...headers, location }, body: signInPage }
}

/** What REST clients with a token that has expired get: a success that is a page for people. */
export function signInPage203({ headers }: CannedAnswer): CannedAnswer {
  return { status: 203, headers: { ...headers, ...html }, body: signInPage }
}

export const absent: CannedAnswer = { status: 404, headers: { ...always, ...html }, body: '' }

/** A method that is not served there. */
export const methodNotAllowed: CannedAnswer = { status: 405, headers: { ...always, allow: 'GET' }, body: '' }

/** Broken, with headers that look like a signal all the same. */
export function outOfOrder(directoryId: string): CannedAnswer {
  return {
    status: 503,
    headers: { ...always, ...html, 'x-vss-resourcetenant': directoryId },
    body: 'Service Unavailable',
  }
}

export function throttled(seconds: number): CannedAnswer {
  const text =
    'TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource <Concurrency> in namespace <ORGANIZATION>.'
  return {
    status: 429,
    headers: {
      ...plain,
      ...errorHeaders(text),
      'retry-after': String(seconds),
      'x-ratelimit-resource': 'Concurrency',
      'x-ratelimit-delay': '5',
      'x-ratelimit-limit': '200',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '1795000000',
    },
    body: text,
  }
}

/** A token or password that is not accepted. */
export function badCredential({ headers }: CannedAnswer, isRest: boolean): CannedAnswer {
  const kind = isRest ? json : plain
  const body = isRest ? restError(refusedText, 'UnauthorizedRequestException') : refusedText
  return { status: 401, headers: { ...headers, ...errorHeaders(refusedText), ...kind }, body }
}

/** The token is right, but its sign-in proves too little (Continuous Access Evaluation). */
export function claimsChallenge({ headers }: CannedAnswer): CannedAnswer {
  const claims = Buffer.from('{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}').toString(
    'base64',
  )
  const challenge = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="${claims}"`
  return { status: 401, headers: { ...headers, ...plain, 'www-authenticate': challenge }, body: refusedText }
}

/** No such repository, or none that this token may see. */
export function noRepository(name: string): CannedAnswer {
  const text = `TF401019: The Git repository with name or identifier ${name} does not exist or you do not have permissions for the operation you are attempting.`
  return { status: 404, headers: { ...errorHeaders(text), ...plain }, body: text }
}

/** A push that is not permitted: the text comes as packets, whatever the content type says. */
export function pushDenied(): CannedAnswer {
  const text =
    "TF401027: You need the Git 'GenericContribute' permission to perform this action. Details: identity 'somebody', scope 'repository'."
  const line = `ERR ${text}\n`
  const packet = (line.length + 4).toString(16).padStart(4, '0') + line
  return {
    status: 403,
    headers: { ...errorHeaders(text), ...plain },
    body: `001f# service=git-receive-pack\n0000${packet}`,
  }
}

function restError(message: string, typeKey: string): string {
  return JSON.stringify({
    $id: '1',
    innerException: null,
    message,
    typeName: `Microsoft.TeamFoundation.Framework.Server.${typeKey}, Microsoft.TeamFoundation.Framework.Server`,
    typeKey,
    errorCode: 0,
    eventId: 3000,
  })
}
