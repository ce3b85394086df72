import { remembered } from '../engine/memory.ts'
import { foldedName } from '../requests/tool.ts'

/**
 * Which headers do not pass the gateway, for both doors and both directions. Names are compared as CGI, WSGI, PHP and IIS
 * fold them: all characters other than letters and digits are equal, so to such an upstream `X~Forwarded_User` is
 * `X-Forwarded-User` (CVE-2025-64484, CVE-2026-54763, CVE-2026-88011).
 */
export type RequestFate =
  | 'travels'
  | 'dropped'
  /** Sent on without the cookies of the page. */
  | 'cookie'
  /** Dropped, together with the headers that it names. */
  | 'connection'
  /** Sent on with the client's address as its value, if a trusted proxy set it. */
  | 'client-address'
  /** Sent on unchanged, if a trusted proxy set it. */
  | 'from-proxies'

export type AnswerFate =
  | 'travels'
  | 'dropped'
  | 'cookie'
  /** Acts on every path of the host, so it travels only where the account has a host of its own. */
  | 'host-wide'

/** Hop-by-hop headers (RFC 9110, 7.6.1), in either direction. */
const hopByHop = ['keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']

/** Dropped from every request, even from trusted proxies. The gateway sets some of them itself. */
const neverFromClients = [
  ...hopByHop,
  'http2-settings',
  'host',
  // CGI passes it as HTTP_PROXY, which libraries take for the address of a proxy (CVE-2016-5385).
  'proxy',
  // Only the gateway may see the client's password.
  'authorization',
  'proxy-authorization',
  // Answered by the gateway; undici refuses to send it.
  'expect',
  'x-request-id',
  'x-tfs-fedauthredirect',
  'forwarded',
  // Some upstreams let these replace the path or the method, which would bypass the decision.
  'x-original-url',
  'x-original-uri',
  'x-original-method',
  'x-rewrite-url',
]

/** Headers by which proxies and modules tell upstreams who the user is; only the gateway may do that. */
const identity = [
  'remote-user remote-name remote-email remote-groups remote-group remote-realm remote-ident',
  'x-remote-user x-remote-name x-remote-email x-remote-group x-remote-groups x-remote-uid',
  'x-webauth-user x-webauth-name x-webauth-fullname x-webauth-email x-webauth-groups x-webauth-role x-webauth-orgs',
  'x-auth-request-user x-auth-request-email x-auth-request-groups x-auth-request-preferred-username',
  'x-auth-request-access-token x-auth-request-redirect x-auth-request-token x-auth-request-roles',
  'x-auth-user x-auth-username x-auth-userid x-auth-name x-auth-email x-auth-groups x-auth-roles',
  'x-authenticated-user x-authenticated-userid x-authenticated-email x-authenticated-groups x-authenticated-scope',
  'x-authentik-username x-authentik-email x-authentik-groups x-authentik-name x-authentik-uid x-authentik-jwt',
  'x-user x-username x-userid x-user-id x-user-name x-user-email x-email x-groups x-roles',
  'x-sso-user x-sso-email x-sso-groups x-proxy-user x-proxy-remote-user x-http-user http-user auth-user authuser',
  'x-pomerium-jwt-assertion x-pomerium-claim-email x-vouch-user x-vouch-idp-claims-email',
  'cf-access-jwt-assertion cf-access-authenticated-user-email',
  'x-goog-authenticated-user-email x-goog-authenticated-user-id x-goog-iap-jwt-assertion',
  'x-amzn-oidc-identity x-amzn-oidc-data x-amzn-oidc-accesstoken',
  'x-ms-client-principal x-ms-client-principal-id x-ms-client-principal-name x-ms-client-principal-idp',
  'x-ms-token-aad-access-token x-ms-token-aad-id-token',
  'x-iis-windowsauthtoken ms-aspnetcore-winauthtoken ms-aspnetcore-token ms-aspnetcore-clientcert ms-aspnetcore-user',
  'oidc-claim-sub oidc-claim-email oidc-claim-preferred-username oidc-access-token oidc-id-token',
  'mellon-name-id shib-session-id eppn iv-user iv-groups iv-creds sm-user sm-userdn sm-universalid smuser',
  // The account that the gateway signs in with may be allowed to act for other users.
  'impersonate-user impersonate-group impersonate-uid x-tfs-impersonate',
].flatMap(names => names.split(' '))

const identityPrefixes = [
  'x-altgate-',
  'remote-',
  'x-remote-',
  'x-webauth-',
  'x-auth-request-',
  'x-authenticated-',
  'x-authentik-',
  'x-sso-',
  'x-proxy-remote-',
  'x-pomerium-',
  'x-vouch-',
  'cf-access-',
  'x-goog-authenticated-',
  'x-amzn-oidc-',
  'x-ms-client-principal',
  'x-ms-token-',
  'x-iis-',
  'ms-aspnetcore-',
  'oidc-',
  'mellon-',
  'shib-',
  'iv-',
  'impersonate-',
]

/** Our own names that exist, or that could exist, judging by similar proxies. */
const ours = [
  'x-altgate-account x-altgate-scope x-altgate-subject x-altgate-user x-altgate-username x-altgate-email',
  'x-altgate-member x-altgate-members x-altgate-groups x-altgate-roles x-altgate-outcome x-altgate-bridge-until',
  'x-altgate-answer x-altgate-presented x-altgate-challenge x-altgate-cookie x-altgate-load-test',
  'x-altgate-upstream-authorization',
].flatMap(names => names.split(' '))

/** Set only by the gateway, from what the trusted proxies report. */
const forwarded = [
  'x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port',
  'x-forwarded-user x-forwarded-email x-forwarded-groups x-forwarded-preferred-username x-forwarded-access-token',
  'x-forwarded-roles x-forwarded-login x-forwarded-name x-forwarded-client-cert x-forwarded-tls-client-cert',
  'x-forwarded-tls-client-cert-info x-forwarded-uri x-forwarded-url x-forwarded-path x-forwarded-method',
  'x-forwarded-protocol x-forwarded-scheme x-forwarded-ssl x-forwarded-server x-forwarded-by x-forwarded-prefix',
].flatMap(names => names.split(' '))

/** Address, scheme and certificate of the client, which only the proxies in front know. */
const clientInfo = [
  'x-forwarded-prefix',
  'x-client-ip x-cluster-client-ip true-client-ip cf-connecting-ip fastly-client-ip x-original-forwarded-for',
  'x-envoy-external-address x-azure-clientip x-original-host x-scheme x-url-scheme front-end-https',
  'client-cert client-cert-chain x-client-cert x-client-cert-chain x-client-dn x-client-verify x-client-certificate',
  'ssl-client-cert ssl-client-verify ssl-client-s-dn ssl-client-i-dn ssl-client-subject-dn ssl-client-serial',
  'x-ssl-client-cert x-ssl-client-verify x-ssl-client-s-dn x-ssl-client-dn x-ssl-cert x-ssl-protocol x-ssl',
  'x-arr-clientcert x-arr-ssl x-arr-log-id x-amzn-mtls-clientcert x-amzn-mtls-clientcert-subject',
  'tls-client-cert x-tls-client-cert x-tls-client-dn',
].flatMap(names => names.split(' '))

const clientInfoPrefixes = [
  'x-client-cert',
  'client-cert',
  'ssl-',
  'x-ssl-',
  'x-arr-',
  'x-amzn-mtls-',
  'tls-client-',
  'x-tls-client-',
]

const exactly = new Map<string, RequestFate>([
  ...clientInfo.map(name => [name, 'from-proxies'] as const),
  ...[...neverFromClients, ...identity].map(name => [name, 'dropped'] as const),
  ['x-real-ip', 'client-address'],
  ['connection', 'connection'],
  ['cookie', 'cookie'],
])

/**
 * nginx cannot drop headers by the beginning of their names: docker/nginx/nginx.conf drops these one by one, and the
 * forward-auth port refuses a request with any other that the public port would drop.
 */
export const droppedByName: ReadonlySet<string> = new Set([
  ...identity,
  ...ours,
  ...forwarded,
  ...clientInfo,
  'forwarded',
  'x-real-ip',
  'proxy',
  'proxy-authorization',
  'x-original-url',
  'x-original-uri',
  'x-original-method',
  'x-rewrite-url',
])

/** What happens to a client's header on its way to the upstream. */
export const requestFate = remembered((name): RequestFate => {
  const folded = foldedName(name)
  const fate = exactly.get(folded) ?? fateByPrefix(folded)
  // Proxies do not send it in another spelling; `content_length` would be a second length.
  const odd = folded !== name.toLowerCase()
  if (odd && (fate === 'from-proxies' || fate === 'client-address' || folded === 'content-length'))
    return 'dropped'
  return fate
})

function fateByPrefix(folded: string): RequestFate {
  if (folded.startsWith('x-forwarded-') || folded === 'x-forwarded') return 'dropped'
  if (identityPrefixes.some(prefix => folded.startsWith(prefix))) return 'dropped'
  return clientInfoPrefixes.some(prefix => folded.startsWith(prefix)) ? 'from-proxies' : 'travels'
}

/** Whether a header that nginx lets through would not pass the public port. */
export const slipsThroughNginx = remembered((name): boolean => {
  const folded = foldedName(name)
  if (droppedByName.has(folded) || exactly.has(folded)) return false
  return fateByPrefix(folded) !== 'travels'
})

const neverFromUpstreams = new Set([
  ...hopByHop,
  'connection',
  'proxy-authenticate',
  // A challenge of the upstream would make clients sign in to it: git tries NTLM and then erases the password.
  'www-authenticate',
  'lfs-authenticate',
  // These make a proxy in front answer with another URL, or a local file.
  'x-accel-redirect',
  'x-sendfile',
  'x-lighttpd-send-file',
  // Clients would look for the upstream's other services at the gateway, or at an address that they cannot reach.
  'alt-svc',
  'alternate-protocol',
  // Shared caches obey these instead of `Cache-Control: private` (RFC 9213, 2.2).
  'surrogate-control',
  'edge-control',
  'akamai-cache-control',
  'x-accel-expires',
])
/** The same, by the end of the name: `Cloudflare-CDN-Cache-Control`. */
const forSharedCaches = 'cdn-cache-control'

/**
 * What browsers apply to the whole host: other accounts, and the page with its sign-ins. `NEL` and `Report-To` would report
 * the addresses of all its requests, and a service worker would answer them. Documents of one host with the same opener
 * policy can read each other, and the page has one to be read by none. `Strict-Transport-Security` would end what the page
 * has set, or reach hosts below; bound sessions hold requests back until the upstream has renewed them.
 */
const hostWide = new Set([
  'service-worker-allowed',
  'cross-origin-opener-policy',
  'nel',
  'report-to',
  'clear-site-data',
  'strict-transport-security',
  'secure-session-registration',
  'sec-session-registration',
  'use-as-dictionary',
  'public-key-pins',
  'public-key-pins-report-only',
  'expect-ct',
])

/** What happens to an upstream's header on its way to the client. */
export const answerFate = remembered((name): AnswerFate => {
  const folded = foldedName(name)
  if (neverFromUpstreams.has(folded) || folded.startsWith('x-altgate-')) return 'dropped'
  if (folded.endsWith(forSharedCaches)) return 'dropped'
  if (hostWide.has(folded)) return 'host-wide'
  const odd = folded !== name.toLowerCase()
  if (folded === 'set-cookie') return odd ? 'dropped' : 'cookie'
  return odd && folded === 'content-length' ? 'dropped' : 'travels'
})
