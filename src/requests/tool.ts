/** The ways in which one and the same explanation is told. */
export type Dialect = 'text' | 'lfs' | 'soap' | 'transfer' | 'rest' | 'html'

/** What the choice depends on. Not on the method: HEAD must get the headers that GET gets. */
export interface Asking {
  /** Path and query as the client wrote them. */
  readonly target: string
  /** Names and values in turn, as `IncomingMessage` has them. */
  readonly rawHeaders: readonly string[]
}

/**
 * Which dialect a request understands. What git itself asks is `text`, known after one expression, and what git-lfs asks
 * is `lfs`, wherever an LFS server has its objects. Else the path decides, whoever asks: `text` for git and LFS, `soap`
 * for `*.asmx`, `rest` below `/_apis`. On other paths the headers do: `transfer` for the files of TFVC, if one of its
 * clients asks, `soap` for SOAP 1.1 and 1.2 and Team Explorer Everywhere, `rest` if JSON is what is wanted most and for
 * npm and its like, `html` for a person in a browser, else `text`.
 */
export function dialectOf({ target, rawHeaders }: Asking): Dialect {
  const path = pathOf(target)
  if (gitAsks.test(path)) return 'text'
  const header = (name: string) => valueOf(rawHeaders, name)
  if (isLfs(header)) return 'lfs'
  const tool = toolAt(path)
  if (tool === 'git') return 'text'
  if (tool !== 'rest' && requestKindAt(path) === 'tfvc-file' && isTfvcClient(header)) return 'transfer'
  if (tool !== undefined) return tool
  if (soapVersionOf(header) !== undefined || isTfvcClient(header)) return 'soap'
  const wanted = wantedMost(header('accept') ?? '')
  if (wanted === 'application/json' || npmLike.test(header('user-agent') ?? '')) return 'rest'
  return wanted === 'text/html' && isBrowser(header) ? 'html' : 'text'
}

/** npm and those that speak to its registries: they show what is in JSON, and do not always ask for it. */
const npmLike = /^(?:npm|pnpm|yarn|bun)\//i

/** The first value of a request header. */
export function headerOf({ rawHeaders }: Asking, name: string): string | undefined {
  return valueOf(rawHeaders, name)
}

type Header = (name: string) => string | undefined

const gitAsks = /\/(?:info\/refs|git-(?:upload|receive)-pack)$/i

/** git-lfs says what it is with every request; other clients of LFS servers ask for the type. */
function isLfs(header: Header): boolean {
  return (
    /^git-lfs\//i.test(header('user-agent') ?? '') ||
    /\bapplication\/vnd\.git-lfs\+json\b/i.test(header('accept') ?? '')
  )
}

/** Whether git or LFS asks, as far as the path says. */
export function isForGit({ target }: Asking): boolean {
  return toolAt(pathOf(target)) === 'git'
}

/**
 * Which SOAP a request to a service is written in; `undefined` if people or scripts ask there, who take an HTTP status
 * for what it says. For requests in the dialect `soap`.
 */
export function soapVersion(asking: Asking): '1.1' | '1.2' | undefined {
  const header = (name: string) => headerOf(asking, name)
  const isService = toolAt(pathOf(asking.target)) === 'soap'
  // XML without the header that SOAP 1.1 demands: at a service it can be nothing else.
  const isXml = /^(?:text|application)\/xml\b/i.test(header('content-type') ?? '')
  return soapVersionOf(header) ?? (isService && (isXml || isTfvcClient(header)) ? '1.1' : undefined)
}

function soapVersionOf(header: Header): '1.1' | '1.2' | undefined {
  if (/^application\/soap\+xml\b/i.test(header('content-type') ?? '')) return '1.2'
  return header('soapaction') === undefined ? undefined : '1.1'
}

/** Team Explorer Everywhere, with two blanks each or with one: it depends on how the person signs in there. */
function isTfvcClient(header: Header): boolean {
  return /Team {1,2}Explorer {1,2}Everywhere|^Team Foundation\b/.test(header('user-agent') ?? '')
}

/** Browsers say `navigate` over https and on localhost only; PowerShell and some git clients say Mozilla as well. */
function isBrowser(header: Header): boolean {
  const agent = header('user-agent') ?? ''
  return (
    header('sec-fetch-mode') === 'navigate' ||
    (agent.startsWith('Mozilla/') && !/git|powershell/i.test(agent))
  )
}

/** The media type with the highest weight, of equals the first, in lower case (RFC 9110, 12.5.1). */
function wantedMost(accept: string): string {
  let wanted = ''
  let most = 0
  for (const range of accept.split(',')) {
    const weight = Number(/;\s*q=(\d(?:\.\d*)?)/i.exec(range)?.[1] ?? 1)
    if (weight <= most) continue
    most = weight
    wanted = range.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  }
  return wanted
}

/** Of the raw list: `routeOf` has taken the Content-Type out of the parsed one. */
function valueOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() === name) return rawHeaders[at + 1]
  return undefined
}

/** What kind of service a tool asks for. */
type Tool = 'git' | 'soap' | 'rest'

/**
 * Which tool's a path is: git's smart HTTP and LFS, or the SOAP and REST services of Azure DevOps; `undefined` if
 * people may ask for it. git's own services come first: no other name in a path may take its text from it.
 */
function toolAt(path: string): Tool | undefined {
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
