import { plainSegment, requestKindAt } from './tool.ts'

/**
 * What a request is for, as operators read it: `git:welcome` for a repository, `lfs`, `tfvc`, `packages`, `api` or `other`.
 * `path`: below the account. Paths hold file names and tokens, so of all paths only the name of a repository is shown.
 */
export function pathClassOf(path: string): string {
  switch (requestKindAt(path)) {
    case 'git-advertisement':
    case 'git-rpc':
      return `git:${repositoryIn(path)}`
    case 'lfs-api':
    case 'lfs-object':
      return 'lfs'
    case 'soap-call':
    case 'tfvc-file':
      return 'tfvc'
    case 'feed':
      return 'packages'
    case 'rest':
      return 'api'
    case 'other':
      return 'other'
  }
}

/** The last two segments before git's service, because each project of Azure DevOps has repositories of its own. */
function repositoryIn(path: string): string {
  return path
    .replace(/\/(?:info\/refs|git-(?:upload|receive)-pack)$/i, '')
    .split('/')
    .filter(segment => segment !== '' && !/^_(?:git|full|optimized)$/i.test(segment))
    .slice(-2)
    .map(plainSegment)
    .join('/')
    .replace(/\.git$/i, '')
}
