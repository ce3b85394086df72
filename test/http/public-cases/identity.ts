import { answerOf, type PublicCase } from './case.ts'

/** Headers by which a client could pass for another user. */
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
]
