import { wireTo, type Run, type SignIn } from './wire.ts'

/**
 * A batch request of git-lfs: a 401 means "try again" to it, as long as the credential helper gives something, and
 * every other status is the end. What it prefers to `WWW-Authenticate` would be `LFS-Authenticate`.
 */
export async function gitLfs(url: string, signIns: readonly SignIn[]): Promise<Run> {
  const wire = wireTo(`${url}/info/lfs/objects/batch`, 'POST', {
    'User-Agent': 'git-lfs/3.6.1',
    Accept: 'application/vnd.git-lfs+json',
    'Content-Type': 'application/vnd.git-lfs+json; charset=utf-8',
  })
  let answer = await wire.send()
  let asked = 0
  while (answer.status === 401) {
    const challenge = answer.header('lfs-authenticate') ?? answer.header('www-authenticate') ?? ''
    const signIn = signIns[asked]
    if (signIn === undefined || !/^basic\b/i.test(challenge)) break
    asked++
    answer = await wire.send(signIn)
  }
  return { shown: String(answer.status), requests: wire.sent(), asked }
}
