import { answerOf, type PublicCase } from './case.ts'

const get = 'GET /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\n'
const hello = answerOf('200 OK', {}, 'hello')

/** Identity headers, in spellings that CGI, WSGI, PHP or IIS read as the same. */
const forgeries = [
  ['REMOTE_USER', 'theforeman/puppet-foreman 1182'],
  ['REMOTE-USER', 'theforeman/puppet-foreman 1182'],
  ['REMOTE_USER_GROUPS', 'theforeman/puppet-foreman 1182'],
  ['X~Forwarded~User', 'apache/httpd 558'],
  ['X.Forwarded!Groups', 'apache/httpd 558'],
  ['X-Remote-User', 'apache/httpd 558'],
  ['X-WEBAUTH-USER', 'grafana CVE-2022-35957'],
  ['X-Auth-Request-Preferred-Username', 'oauth2-proxy CVE-2025-64484'],
  ['X-Forwarded-Access-Token', 'oauth2-proxy CVE-2025-64484'],
  ['X_Altgate-Member', 'oauth2-proxy CVE-2025-64484'],
  ['Ssl-Client-Cert', 'RFC 9440 4'],
  ['X-SSL-Client-Verify', 'RFC 9440 4'],
  ['Client-Cert', 'RFC 9440 4'],
  ['Proxy', 'h2o/h2o 994'],
  ['X-ARR-ClientCert', 'RFC 9440 4'],
] as const

const fromUpstreams = [
  'X-Altgate-Outcome',
  'X_Altgate_Outcome',
  'X~Altgate~Bridge~Until',
  'WWW_Authenticate',
  'Set_Cookie',
  'Content_Length',
  'Transfer.Encoding',
]

/** Headers by which an upstream would send clients past the gateway, or have its answers given to other users. */
const pastTheGateway = [
  ['Alt-Svc', 'caddyserver/caddy 3159'],
  ['alt-svc', 'golang/go 30359'],
  ['Alternate-Protocol', 'apache/incubator-pagespeed-mod 1090'],
  ['Surrogate-Control', 'TerriaJS/terriajs-server 353'],
  ['CDN-Cache-Control', 'RFC 9213 2.2'],
  ['Cloudflare-CDN-Cache-Control', 'RFC 9213 2.2'],
  ['X-Accel-Expires', 'TerriaJS/terriajs-server 353'],
] as const

/** Headers that browsers apply to the whole host, with what the client gets of them in a folder of it. */
const hostWide = (
  [
    ['Service-Worker-Allowed', '/', undefined],
    ['service-worker-allowed', '/_altgate/', undefined],
    ['Service-Worker-Allowed', '/fabrikam/../', undefined],
    ['Service-Worker-Allowed', '/fabrikam/%2e%2e/', undefined],
    ['Service-Worker-Allowed', '\\', undefined],
    ['Service-Worker-Allowed', '../..', undefined],
    ['Service-Worker-Allowed', '/fabrikam/', '/fabrikam/'],
    ['Service-Worker-Allowed', 'app/', '/fabrikam/app/'],
    ['NEL', '{"report_to":"x","max_age":600,"success_fraction":1}', undefined],
    ['Report-To', '{"group":"x","max_age":600,"endpoints":[]}', undefined],
    ['Clear-Site-Data', '"cookies"', undefined],
    ['Cross-Origin-Opener-Policy', 'same-origin', undefined],
    ['Strict-Transport-Security', 'max-age=0', undefined],
    ['strict-transport-security', 'max-age=600; includeSubDomains', undefined],
    ['Secure-Session-Registration', '(ES256);path="/fabrikam/x"', undefined],
    ['Use-As-Dictionary', 'match="/*"', undefined],
  ] as const
).flatMap(([name, value, got]) =>
  ([{ by: 'path' }, { by: 'host', suffix: '.example.com' }] as const).map(naming => {
    const passed = naming.by === 'host' ? value : got
    return {
      name: `${name}: ${value} acts on nothing but the account, where ${naming.by}s name accounts`,
      reported: 'W3C Service Workers 3.4, Network Error Logging 4, Clear-Site-Data 3, RFC 6797, RFC 9842',
      request: `GET /fabrikam/x HTTP/1.1\nHost: ${naming.by === 'host' ? 'fabrikam' : 'git'}.example.com\n{auth}\n{close}\n\n`,
      naming,
      upstream: answerOf('200 OK', { [name]: value }, 'hello'),
      answer: [/^HTTP\/1\.1 200 OK\r\n/, ...(passed === undefined ? [] : [line(name, passed)])],
      ...(passed === undefined && { never: new RegExp(`^${name}:`, 'im') }),
    }
  }),
)

function line(name: string, value: string): RegExp {
  return new RegExp(`^${name}: ${value.replace(/[.\\{}[\]()*]/g, '\\$&')}\\r$`, 'm')
}

/** Headers by which a client could impersonate another user. */
export const cases: readonly PublicCase[] = [
  {
    name: 'a user header in another spelling never reaches the upstream',
    reported: 'oauth2-proxy CVE-2025-64484',
    request:
      'GET /fabrikam/x HTTP/1.1\nHost: git.example.com\n{auth}\nX_Forwarded_User: root@example.com\n{close}\n\n',
    upstream: answerOf('200 OK', {}, 'hello'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/, /hello$/],
    forwarded: [/^X-Forwarded-User: anna@example\.com\r$/m],
    notForwarded: /root@example\.com/,
    forwardAuth: 200,
  },
  ...hostWide,
  ...forgeries.map(([name, reported]) => ({
    name: `${name} of a client never reaches the upstream`,
    reported,
    request: `${get}${name}: forged\n${name.toLowerCase()}: forged\n{close}\n\n`,
    upstream: hello,
    answer: [/^HTTP\/1\.1 200 OK\r\n/, /hello$/],
    forwarded: [/^X-Forwarded-User: anna@example\.com\r$/m],
    notForwarded: /forged/,
  })),
  ...[...fromUpstreams.map(name => [name, 'RFC 9110 17.10'] as const), ...pastTheGateway].map(
    ([name, reported]) => ({
      name: `${name} of an upstream never reaches the client`,
      reported,
      request: `${get}{close}\n\n`,
      upstream: answerOf('200 OK', { [name]: 'forged' }, 'hello'),
      answer: [/^HTTP\/1\.1 200 OK\r\n/, /hello$/],
      never: /forged/,
    }),
  ),
]
