import type { UpstreamFailed } from '../gateway/decision.ts'
import { pathOf, type RequestKind, requestKindAt } from '../requests/tool.ts'
import { type AddressMapping, placeOf } from './addresses.ts'
import type { KnownHeaders } from './known-headers.ts'

/** The parts of an upstream's answer that are screened. */
interface Head {
  readonly status: number
  readonly headers: Readonly<KnownHeaders>
}

/** The kinds of answers that clients can mistake for each other: the columns of the table. */
type AnswerKind =
  /** A redirect to a sign-in page, or with the headers by which Azure DevOps asks for a sign-in. */
  | 'signInRedirect'
  /** A redirect to the same resource under another address in the account. */
  | 'redirectToTheSame'
  | 'otherRedirect'
  /** A page with 203, or with those headers, as Azure DevOps sends to a tool that it does not recognize. */
  | 'signInPage'
  /** 203 that is not a page. */
  | 'transformed'
  /** Any other page with a success status. */
  | 'page'
  | 'anythingElse'

/**
 * THE TABLE: which answers of an upstream are withheld from which requests, and the clients that require it. Everything
 * else is passed on, except that `addresses.ts` translates addresses in the account. 401 and 407 are withheld from every
 * request: git would erase a good password because the upstream rejects the gateway.
 */
const kept: Readonly<Record<RequestKind, Partial<Record<AnswerKind, UpstreamFailed['because']>>>> = {
  // git takes a page for an empty repository, exits with 0 and keeps the password; JGit and libgit2 do not know 203. git
  // follows a redirect without the password, and a 401 there erases the password that is right here. It cannot follow a
  // redirect whose path ends differently from the request.
  'git-advertisement': {
    signInRedirect: 'unauthorized',
    otherRedirect: 'redirect',
    signInPage: 'sign-in-page',
    transformed: 'sign-in-page',
    page: 'sign-in-page',
  },
  // The same with `http.followRedirects` set to true; by default git follows none here.
  'git-rpc': {
    signInRedirect: 'unauthorized',
    otherRedirect: 'redirect',
    signInPage: 'sign-in-page',
    transformed: 'sign-in-page',
    page: 'sign-in-page',
  },
  // git-lfs takes any success for a verified upload.
  'lfs-api': { signInRedirect: 'unauthorized', signInPage: 'sign-in-page', page: 'sign-in-page' },
  // git-lfs takes any success for a finished upload. It verifies downloads, so a page may be an object.
  'lfs-object': { signInRedirect: 'unauthorized', signInPage: 'sign-in-page' },
  // `tf` asks for another password after a sign-in redirect, and accepts only SOAP.
  'soap-call': { signInRedirect: 'unauthorized', signInPage: 'sign-in-page', page: 'sign-in-page' },
  // `tf` follows redirects and writes any success into the source file. A page with 200 may be that file.
  'tfvc-file': { signInRedirect: 'unauthorized', signInPage: 'sign-in-page' },
  // curl -L and build tasks save the sign-in page as the item or artifact, and report success.
  rest: { signInRedirect: 'unauthorized', signInPage: 'sign-in-page' },
  // pip reads a sign-in page as an index without the package.
  feed: { signInRedirect: 'unauthorized', signInPage: 'sign-in-page' },
  // Browsers sign in there.
  other: {},
}

/** The failure that the client gets instead of the upstream's answer; `undefined` if the answer is passed on. */
export function screenAnswer(head: Head, mapping: AddressMapping): UpstreamFailed | undefined {
  const { status } = head
  if (status === 401 || status === 407) return { outcome: 'upstream-failed', because: 'unauthorized' }
  // Most answers are not suspect: successes that are not pages, and errors.
  const suspect = status === 203 || (status < 300 && isPage(head)) || (status >= 300 && status < 400)
  if (!suspect || status === 304) return undefined
  const row = kept[requestKindAt(pathOf(mapping.target))]
  const because = row[answerKindOf(head, mapping)]
  return because === undefined ? undefined : { outcome: 'upstream-failed', because }
}

/**
 * Whether an upstream says that it does not accept the user's token. Azure DevOps answers some tools with 401, others with
 * its sign-in page and 203, or with a redirect to it. 407 comes from a proxy on the way.
 */
export function rejectsToken(status: number, { because }: UpstreamFailed): boolean {
  if (because === 'sign-in-page') return status === 203
  return because === 'unauthorized' && status !== 407
}

/**
 * The claims challenge among the `WWW-Authenticate` headers, by which an upstream demands more than the token proves:
 * Microsoft's `claims` and `insufficient_claims`, and RFC 9470. Empty if it does not say what; `undefined` if there is none.
 */
export function claimsChallenge(headers: Head['headers']): string | undefined {
  for (const line of linesOf({ headers }, 'www-authenticate')) {
    let isBearer = false
    let demanded = false
    for (const [, name = '', value] of line.slice(0, longestChallenge).matchAll(challengePart)) {
      if (value === undefined) isBearer = /^bearer$/i.test(name)
      else if (!isBearer) continue
      else if (/^claims$/i.test(name)) return unquoted(value)
      else if (/^error$/i.test(name)) demanded ||= insufficient.has(unquoted(value))
    }
    if (demanded) return ''
  }
  return undefined
}

/** A scheme, or a parameter with its value (RFC 9110, 11.2 and 11.6.1). */
const challengePart = /([\w!#$%&'*+.^`|~-]+)(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,"]*))?/g
const longestChallenge = 16_384
const insufficient: ReadonlySet<string> = new Set(['insufficient_claims', 'insufficient_user_authentication'])

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
}

function answerKindOf(head: Head, mapping: AddressMapping): AnswerKind {
  if (head.status < 300) return successKindOf(head)
  const { destination } = mapping
  const locations = linesOf(head, 'location')
  const asked = destination.origin + destination.path
  if (asksForSignIn(head) || locations.some(location => isSignInRedirect(location, asked)))
    return 'signInRedirect'
  const same = locations.length > 0 && locations.every(location => isTheSame(location, mapping))
  return same ? 'redirectToTheSame' : 'otherRedirect'
}

function successKindOf(head: Head): AnswerKind {
  if (!isPage(head)) return head.status === 203 ? 'transformed' : 'anythingElse'
  return head.status === 203 || asksForSignIn(head) ? 'signInPage' : 'page'
}

function isPage(head: Head): boolean {
  const { 'content-type': type } = head.headers
  if (typeof type === 'string') return pageType.test(type)
  return type?.some(each => pageType.test(each)) ?? false
}

const pageType = /^\s*(?:text\/html|application\/xhtml\+xml)\s*(?:[;,]|$)/i

/** Headers in which Team Explorer Everywhere and .NET clients look for the sign-in address. */
function asksForSignIn({ headers }: Head): boolean {
  return headers['x-tfs-fedauthredirect'] !== undefined || headers['x-tfs-fedauthissuer'] !== undefined
}

function linesOf({ headers }: Pick<Head, 'headers'>, name: keyof KnownHeaders): readonly string[] {
  const value = headers[name]
  return typeof value === 'string' ? [value] : (value ?? [])
}

/** Whether a redirect stays in the account and ends like the request, including the query: git relies on the end. */
function isTheSame(location: string, mapping: AddressMapping): boolean {
  const place = placeOf(location, mapping)
  if (place === undefined) return false
  const { target } = mapping
  const path = pathOf(target)
  const tail = /\/info\/refs$/i.exec(path)?.[0] ?? path.slice(path.lastIndexOf('/'))
  if (!pathOf(place).endsWith(tail)) return false
  return inUris(place.slice(pathOf(place).length)) === inUris(target.slice(path.length))
}

/** Normalizes a query to its URI form (RFC 3986, 3.4), in which upstreams may return it. */
function inUris(query: string): string {
  return query.replace(/%[\da-f]{2}|[^!$&(-;=?-Z_a-z~#]/gi, part => {
    return part.length > 1 ? part.toUpperCase() : `%${part.charCodeAt(0).toString(16).toUpperCase()}`
  })
}

/**
 * Whether a redirect leads to a sign-in page, judging by the host, by the query parameters of OAuth, SAML, WS-Federation
 * and OpenID, or by the end of the path. Names further up in the path do not count, nor does one that the request had
 * itself: files and artifacts are called `login`, too.
 * `asked`: the address of the request at the upstream, which `location` is relative to.
 */
export function isSignInRedirect(location: string, asked: string): boolean {
  if (!URL.canParse(location, asked)) return false
  const { hostname, pathname, searchParams } = new URL(location, asked)
  const host = hostname.toLowerCase().replace(/\.$/, '')
  if (signInHost.test(host)) return true
  const path = decoded(pathname)
  if (azureDevOps.test(path) || signInQuery(searchParams)) return true
  const page = signInPage.exec(path)?.[1]
  return page !== undefined && !isSigned(searchParams) && !decoded(new URL(asked).pathname).endsWith(page)
}

/** Sign-in hosts of Microsoft, its national clouds and other providers, and common names of own ones. */
const signInHost = new RegExp(
  [
    /^login\.(?:microsoftonline(?:-\w+)?\.(?:com|us|de)|partner\.microsoftonline\.cn|chinacloudapi\.cn)$/,
    /^login\.(?:windows|windows-ppe|live|microsoft|live-int)\.(?:net|com)$/,
    /^(?:device)?login\.\w+\.microsoftonline\.com$|^sts\.windows\.net$/,
    /^app\.vssps\.(?:visualstudio\.com|dev\.azure\.com)$|^\w+\.(?:b2clogin|ciamlogin)\.com$/,
    /^accounts\.google\.com$|\.(?:okta|oktapreview|okta-emea|onelogin|auth0)\.com$/,
    /^(?:login|logon|signin|sign-in|sso|auth|adfs|sts|idp)\./,
  ]
    .map(({ source }) => source)
    .join('|'),
)

/** Azure DevOps: `_signin`, and where it returns to. */
const azureDevOps = /\/_(?:signin|signedin|signout|signedout)(?:\/|$)/i

/** The end of a path: GitLab's `/users/sign_in`, Gitea's `/user/login`, ASP.NET's `/Account/Login.aspx`. */
const signInPage =
  /(\/(?:log-?[io]n|sign[-_]?in|sso|saml2?|oauth2?\/(?:v2\.0\/)?auth(?:orize)?|adfs\/ls)(?:\.(?:aspx?|html?|php|jsp|do))?)\/?$/i

/** Parameters that only a sign-in request has. */
function signInQuery(query: URLSearchParams): boolean {
  const has = (name: string) => query.has(name)
  if (has('SAMLRequest') || /^wsignin/i.test(query.get('wa') ?? '')) return true
  return has('client_id') && has('redirect_uri')
}

/** Whether this is the query of a pre-signed URL, which needs no sign-in: Azure, S3, Google, CloudFront. */
function isSigned(query: URLSearchParams): boolean {
  return [...query.keys()].some(name => /^(?:sig|signature|x-amz-signature|x-goog-signature)$/i.test(name))
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
