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

const gitService = /\/info\/(?:refs$|lfs(?:\/|$))|\/git-(?:upload|receive)-pack$/i
const restService = /\/_apis(?:\/|$)/i
const soapService = /\.asmx(?:\/|$)/i
const gitPlace = /\.git(?:\/|$)|\/_git\//i

/** What a request is for, as far as its path tells: the rows of the table in `screen-answer.ts`. */
export type RequestKind =
  /** `info/refs`: git learns what there is, and keeps or erases the password. */
  | 'git-advertisement'
  /** `git-upload-pack` and `git-receive-pack`. */
  | 'git-rpc'
  /** Batch, locks and verify of git-lfs. */
  | 'lfs-api'
  | 'lfs-object'
  /** A SOAP service of Azure DevOps or TFS: `*.asmx`. */
  | 'soap-call'
  /** A file of TFVC, of a work item or of a test: `*.ashx`, and `item.asmx` and `upload.asmx` of older servers and proxies. */
  | 'tfvc-file'
  /** REST services, and all that is downloaded through them: items, artifacts, containers. */
  | 'rest'
  /** Package feeds: NuGet, npm, Python, Maven, Cargo. */
  | 'feed'
  /** People, browsers, and whatever else. */
  | 'other'

/** See `RequestKind`. What git and git-lfs ask comes first, as in `toolAt`. */
export function requestKindAt(path: string): RequestKind {
  if (gitService.test(path)) return gitKindAt(path)
  if (tfvcFile.test(path)) return 'tfvc-file'
  if (soapService.test(path)) return 'soap-call'
  if (restService.test(path) || pageService.test(path)) return 'rest'
  return feed.test(path) ? 'feed' : 'other'
}

function gitKindAt(path: string): RequestKind {
  if (/\/info\/refs$/i.test(path)) return 'git-advertisement'
  if (/-pack$/i.test(path) && !/\/info\/lfs\//i.test(path)) return 'git-rpc'
  return lfsApi.test(path) ? 'lfs-api' : 'lfs-object'
}

/** `objects` alone is the API before batch. */
const lfsApi = /\/info\/lfs\/(?:objects(?:\/batch)?|locks(?:\/.*)?|(?:.*\/)?verify)\/?$/i
/** `_tfs_resources` is where older servers keep what their download tickets name. */
const tfvcFile = /\.ashx(?:\/|$)|\/(?:item|upload)\.asmx(?:\/|$)|\/_tfs_resources(?:\/|$)/i
/** What the pages of Azure DevOps call, and scripts download with: `_api/_versioncontrol/itemContent`. */
const pageService = /\/_api(?:\/|$)/i
const feed = /\/_packaging(?:\/|$)|\/simple(?:\/|$)/i

/** A request target without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}
