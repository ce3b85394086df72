/**
 * Whether a redirect leads to a page where people sign in. That is said by the host, by what OAuth, SAML, WS-Federation
 * and OpenID put into the query, or by the end of the path. A name further up in a path says nothing, nor does one that
 * the request had itself: files and artifacts are called `login`, too.
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

/** Of Microsoft with its national clouds and of others, and those that operators name for it. */
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

/** Azure DevOps: `_signin`, and where it comes back to. */
const azureDevOps = /\/_(?:signin|signedin|signout|signedout)(?:\/|$)/i

/** The last words of a path: GitLab's `/users/sign_in`, Gitea's `/user/login`, ASP.NET's `/Account/Login.aspx`. */
const signInPage =
  /(\/(?:log-?[io]n|sign[-_]?in|sso|saml2?|oauth2?\/(?:v2\.0\/)?auth(?:orize)?|adfs\/ls)(?:\.(?:aspx?|html?|php|jsp|do))?)\/?$/i

/** What only a request for a sign-in has. */
function signInQuery(query: URLSearchParams): boolean {
  const has = (name: string) => query.has(name)
  if (has('SAMLRequest') || /^wsignin/i.test(query.get('wa') ?? '')) return true
  return has('client_id') && has('redirect_uri')
}

/** The query of an address that storage has signed, so that no sign-in is needed: Azure, S3, Google, CloudFront. */
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
