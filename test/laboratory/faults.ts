import type { Fault, Which } from './upstream.ts'

/** Where git asks what there is: the answer decides whether it keeps the password. */
export const onTheFirst: Which = ({ method }) => method === 'GET'

/** Where git transfers: by then it has kept the password. */
export const onTheTransfer: Which = ({ method }) => method === 'POST'

/** Every scheme that Azure DevOps and its proxies offer, and all that goes with it. */
export const asksForAPassword: Fault = (_, response) =>
  void response
    .writeHead(401, {
      'WWW-Authenticate': ['Negotiate', 'NTLM', 'TFS-Federated', 'Bearer', 'Basic realm="upstream"'],
      'LFS-Authenticate': 'NTLM',
      'X-TFS-FedAuthRealm': 'https://upstream.invalid/',
      'Set-Cookie': 'FedAuth=planted',
    })
    .end()

/** The same request at another origin: git would follow, ask there, and erase the password that belongs here. */
export const redirectsToAnotherOrigin: Fault = ({ url }, response) =>
  void response.writeHead(302, { Location: `http://127.0.0.2:9${url}` }).end()

/** A sign-in page of the upstream's own. */
export const redirectsToItsSignIn: Fault = (_, response) =>
  void response.writeHead(302, { Location: '/fabrikam/_signin?realm=x' }).end()

const page = '<html><title>Sign in</title></html>'

/** A page for people, with a status that says success. */
export const showsAPage =
  (status: 200 | 203): Fault =>
  (_, response) =>
    void response.writeHead(status, { 'Content-Type': 'text/html' }).end(page)

/** Maintenance, in a sentence for people. */
export const isInMaintenance: Fault = (_, response) =>
  void response
    .writeHead(503, { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '30' })
    .end('Back at noon.\n')

/** Ends the connection without a word. */
export const hangsUp: Fault = (_, response) => void response.destroy()

/** Promises more than follows; then the connection ends. */
export const hangsUpHalfway: Fault = ({ method }, response) => {
  startAnAnswer(method, response)
  response.write('001e# service=git-upload-pack\n', () => response.destroy())
}

/** Promises as much, but the connection stays open and nothing more comes. */
export const fallsSilentHalfway: Fault = ({ method }, response) => {
  startAnAnswer(method, response)
  response.write('001e# service=git-upload-pack\n')
}

/** Takes the request and never answers. */
export const staysSilent: Fault = () => {}

/** Comes late, but comes. Only for requests without a body: that would not wait. */
export const isSlow: Fault = (_, _response, serve) => void setTimeout(serve, 200)

/** Of a thousand bytes. */
function startAnAnswer(method: string | undefined, response: Parameters<Fault>[1]): void {
  const what = method === 'GET' ? 'advertisement' : 'result'
  response.writeHead(200, {
    'Content-Type': `application/x-git-upload-pack-${what}`,
    'Content-Length': 1000,
  })
}
