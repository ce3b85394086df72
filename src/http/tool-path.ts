/** What kind of service a tool asks for. */
export type Tool = 'git' | 'soap' | 'rest'

/**
 * Which tool's a path is: git's smart HTTP and LFS, or the SOAP and REST services of Azure DevOps; `undefined` if
 * people may ask for it. git's own services come first: no other name in a path may take its text from it.
 */
export function toolAt(path: string): Tool | undefined {
  if (gitService.test(path)) return 'git'
  if (restService.test(path)) return 'rest'
  if (soapService.test(path)) return 'soap'
  return gitPlace.test(path) ? 'git' : undefined
}

/**
 * Whether tools ask for a path, not people. They take a page for success: git keeps the wrong password, `tf` saves
 * HTML as a file.
 */
export function isToolPath(path: string): boolean {
  return toolAt(path) !== undefined
}

const gitService = /\/info\/(?:refs$|lfs(?:\/|$))|\/git-(?:upload|receive)-pack$/i
const restService = /\/_apis(?:\/|$)/i
const soapService = /\.asmx(?:\/|$)/i
const gitPlace = /\.git(?:\/|$)|\/_git\//i

/** A request target without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}
