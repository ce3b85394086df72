import { wireTo, type Run, type SignIn } from './wire.ts'

/** `GIT_HTTP_REPLAY_MAX` of libgit2. */
const mostRequests = 15

/**
 * The start of a fetch by libgit2, by the rules of its `transports/http.c`: the application is asked for a sign-in
 * after each 401, as long as it gives one, and every other status ends it.
 */
export async function libgit2(url: string, signIns: readonly SignIn[]): Promise<Run> {
  const wire = wireTo(`${url}/info/refs?service=git-upload-pack`, 'GET', {
    'User-Agent': 'git/2.0 (libgit2)',
  })
  const end = (shown: string): Run => ({ shown, requests: wire.sent(), asked: wire.sent() - 1 })
  let signIn: SignIn | undefined
  while (wire.sent() < mostRequests) {
    const { status, lines } = await wire.send(signIn)
    if (status !== 401) return end(status === 200 ? 'ok' : `unexpected http status code: ${status}`)
    if (!lines('www-authenticate').some(line => /^basic\b/i.test(line))) return end('no scheme')
    signIn = signIns[wire.sent() - 1]
    if (signIn === undefined) return end('no sign-in')
  }
  return end('too many redirects or authentication replays')
}
