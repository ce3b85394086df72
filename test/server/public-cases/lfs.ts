import { answerOf, type PublicCase } from './case.ts'

/** Answers to batch requests of git-lfs, which say where objects are and what to present there. */
const batch =
  'POST /fabrikam/r.git/info/lfs/objects/batch HTTP/1.1\nHost: git.example.com\n{auth}\nAccept: application/vnd.git-lfs+json\nAccept-Encoding: gzip\nContent-Length: 2\n{close}\n\n{}'

/** What the upstream says of one object. Without a length: it ends with the connection. */
function batchAnswer(href: string, action = '', object = ''): string {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.git-lfs+json; charset=utf-8\r\n\r\n'
  return `${head}{"objects":[{"oid":"0a1b","size":3${object},"actions":{"download":{"href":"${href}"${action}}}}]}`
}

const here = 'http://git.example.com/fabrikam/r.git/info/lfs/objects/0a1b'
const token = ',"header":{"Authorization":"Basic Z2l0OmEtdG9rZW4="}'

const lfsJson = /\r\nContent-Type: application\/vnd\.git-lfs\+json\r\n/
const docs = 'git-lfs docs/api/batch.md, Response Errors'

export const cases: readonly PublicCase[] = [
  {
    name: 'git-lfs without a credential gets a challenge in the type that it prints',
    reported: docs,
    request: batch.replace('{auth}\n', ''),
    answer: [
      /^HTTP\/1\.1 401 /,
      /\r\nWWW-Authenticate: Basic realm="fabrikam"/,
      lfsJson,
      /\r\n\r\n\{"message":"Sign in /,
    ],
    forwardAuth: 401,
  },
  {
    name: 'git-lfs that loads an object gets that type as well, although it does not ask for it',
    reported: docs,
    request:
      'GET /wingtip/r.git/gitlab-lfs/objects/0a1b HTTP/1.1\nHost: git.example.com\n{auth}\nUser-Agent: git-lfs/3.3.0 (GitHub; linux amd64; go 1.19.8)\n{close}\n\n',
    answer: [
      /^HTTP\/1\.1 404 /,
      lfsJson,
      /\{"message":"There is no such account here\. [^"]+\\nReference: \w{24}","request_id":"\w{24}"\}\n$/,
    ],
    forwardAuth: 403,
  },
  {
    name: 'git-lfs learns of an upstream that rejects the gateway, but not by 401',
    reported: 'git-lfs 3917',
    request: batch,
    upstream: answerOf('401 Unauthorized', { 'LFS-Authenticate': 'Basic realm="x"' }, 'no'),
    answer: [/^HTTP\/1\.1 502 /, lfsJson, /\{"message":"The service behind this gateway /],
    never: /LFS-Authenticate/i,
  },
  {
    name: 'locks of git-lfs are refused in that type',
    reported: docs,
    request:
      'POST /fabrikam/r.git/info/lfs/locks/verify HTTP/1.1\nHost: git.example.com\nAuthorization: Bearer x\nAccept: application/vnd.git-lfs+json\nContent-Length: 2\n{close}\n\n{}',
    answer: [/^HTTP\/1\.1 401 /, lfsJson, /only HTTP Basic authentication is supported/],
    forwardAuth: 401,
  },
  {
    name: 'git-lfs is not told that its requests need no credential',
    reported: 'git-lfs 3642',
    request: batch,
    upstream: batchAnswer(here, '', ',"authenticated":true'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/, /\r\nContent-Length: 131\r\n/i, /"size":3,"actions":/],
    never: /authenticated/,
    forwarded: [/^Accept-Encoding: identity\r$/m],
  },
  {
    name: 'a token of the LFS server does not replace the credential',
    reported: 'git-lfs 3917',
    request: batch,
    upstream: batchAnswer(here, token),
    answer: [/^HTTP\/1\.1 200 OK\r\n/, /"header":\{"X-Altgate-Upstream-Authorization":"\d+\.[\w-]{40,}"\}/],
    never: /Z2l0OmEtdG9rZW4/,
  },
  {
    name: 'a token for a verification does not replace the credential',
    reported: 'gitbucket 2426',
    request: batch,
    upstream: batchAnswer(here, token).replace('"download"', '"verify"'),
    answer: [/^HTTP\/1\.1 200 OK\r\n/, /"verify":\{"href":[^}]+"X-Altgate-Upstream-Authorization":/],
    never: /Z2l0OmEtdG9rZW4/,
  },
  {
    name: 'git-lfs is not sent to an address behind the gateway',
    reported: 'git-lfs 5411',
    request: batch,
    upstream: batchAnswer('{upstream}/fabrikam/r.git/info/lfs/objects/0a1b?x=1', token),
    answer: [/"href":"http:\/\/git\.example\.com\/fabrikam\/r\.git\/info\/lfs\/objects\/0a1b\?x=1"/],
    never: /127\.0\.0\.1/,
  },
  {
    name: 'git-lfs is not sent to plain http by a server that is unaware of https',
    reported: 'lfs-test-server 66',
    request: batch.replace('{auth}', 'X-Forwarded-For: 192.0.2.7\nX-Forwarded-Proto: https\n{auth}'),
    trustedProxies: ['127.0.0.1'],
    upstream: batchAnswer(here),
    answer: [/"href":"https:\/\/git\.example\.com\/fabrikam\/r\.git\/info\/lfs\/objects\/0a1b"/],
  },
  {
    name: 'a token for signed storage stays where the server put it',
    reported: 'git-lfs docs/api/batch.md, Successful Responses',
    request: batch,
    upstream: batchAnswer('https://store.example.net/0a1b?sig=1', token, ',"authenticated":true'),
    answer: [/"authenticated":true/, /"header":\{"Authorization":"Basic Z2l0OmEtdG9rZW4="\}/],
    never: /X-Altgate-Upstream/i,
  },
]
