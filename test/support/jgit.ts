import { firstWords, wireTo, type Run, type SignIn, type WireAnswer } from './wire.ts'

/**
 * The start of a fetch by JGit, by the rules of its `TransportHttp` and `HttpAuthMethod`: the strongest scheme of
 * those that stand first in their lines, three attempts, and the reason phrase or a
 * sentence of its own in place of every body. JGit 4.11 was seen to do so.
 */
export async function jgit(url: string, signIns: readonly SignIn[]): Promise<Run> {
  const wire = wireTo(`${url}/info/refs?service=git-upload-pack`, 'GET', { 'User-Agent': 'JGit/7.0.0' })
  let answer = await wire.send()
  let asked = 0
  const end = (shown: string): Run => ({ shown, requests: wire.sent(), asked })
  while (answer.status === 401) {
    const offered = firstWords(answer.lines('www-authenticate'))
    const strongest = ['negotiate', 'digest', 'basic'].find(scheme => offered.includes(scheme))
    if (strongest !== 'basic') return end('authentication not supported')
    const signIn = signIns[asked]
    if (asked === 3 || signIn === undefined) return end('not authorized')
    asked++
    answer = await wire.send(signIn)
  }
  return end(shownOf(answer))
}

function shownOf({ status, reason }: WireAnswer): string {
  if (status === 200) return 'ok'
  if (status === 404) return 'not found'
  return status === 403 ? 'service not permitted' : `${status} ${reason}`
}
