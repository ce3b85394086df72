/** The formats in which an answer can be rendered. */
export type Dialect = 'text' | 'lfs' | 'soap' | 'transfer' | 'rest' | 'html' | 'oci' | 'composer'

/** The parts of a request that select the dialect. The method is not one: HEAD must get the headers of GET. */
export interface RequestHead {
  /** Path and query as the client sent them. */
  readonly target: string
  /** Names and values in turn, as in `IncomingMessage`. */
  readonly rawHeaders: readonly string[]
}

/**
 * The dialect that the client of a request understands. git's own requests are `text`, found by one expression. git-lfs
 * gets `lfs`, wherever an LFS server has its objects. Otherwise the path decides, for all clients: `text` for git and
 * LFS, `soap` for `*.asmx`, `rest` below `/_apis`. On other paths the headers decide: `transfer` for TFVC clients that
 * transfer files, `soap` for SOAP 1.1 and 1.2 and Team Explorer Everywhere, `composer` for Composer, `rest` if JSON is
 * preferred and for npm and similar clients, `html` for browsers, else `text`. Registries of container images have one
 * path, `/v2/`, and get `oci` there. A browser that opens a page gets `html` wherever git and LFS have no
 * service.
 */
export function dialectOf({ target, rawHeaders }: RequestHead): Dialect {
  const path = pathOf(target)
  if (gitAsks.test(path)) return 'text'
  const header = (name: string) => valueOf(rawHeaders, name)
  if (isLfs(header)) return 'lfs'
  if (opensPage(header)) return 'html'
  const tool = toolAt(path)
  if (tool === 'git') return 'text'
  if (tool !== 'rest' && requestKindAt(path) === 'tfvc-file' && isTfvcClient(header)) return 'transfer'
  if (tool !== undefined) return tool
  if (soapVersionOf(header) !== undefined || isTfvcClient(header)) return 'soap'
  if (registry.test(path)) return 'oci'
  const agent = header('user-agent') ?? ''
  if (agent.startsWith('Composer/')) return 'composer'
  const wanted = wantedMost(header('accept') ?? '')
  if (wanted === 'application/json' || npmLike.test(agent)) return 'rest'
  return wanted === 'text/html' && isBrowser(header) ? 'html' : 'text'
}

/** The whole API of a registry is at the root of its host (OCI Distribution Specification 1.1, Endpoints). */
const registry = /^\/v2(?:\/|$)/

/** npm and other clients of its registries: they show texts from JSON, and do not always ask for it. */
const npmLike = /^(?:npm|pnpm|yarn|bun)\//i

/** The first value of a request header. */
export function headerOf({ rawHeaders }: RequestHead, name: string): string | undefined {
  return valueOf(rawHeaders, name)
}

type Header = (name: string) => string | undefined

const gitAsks = /\/(?:info\/refs|git-(?:upload|receive)-pack)$/i

/** git-lfs identifies itself with every request; other LFS clients ask for the media type. */
function isLfs(header: Header): boolean {
  return (
    /^git-lfs\//i.test(header('user-agent') ?? '') ||
    /\bapplication\/vnd\.git-lfs\+json\b/i.test(header('accept') ?? '')
  )
}

/** Whether the path is one of git or LFS. */
export function isForGit({ target }: RequestHead): boolean {
  return toolAt(pathOf(target)) === 'git'
}

/**
 * The SOAP version of a request in the dialect `soap`; `undefined` for browsers and scripts, which read the plain HTTP
 * status.
 */
export function soapVersion(head: RequestHead): '1.1' | '1.2' | undefined {
  const header = (name: string) => headerOf(head, name)
  const isService = toolAt(pathOf(head.target)) === 'soap'
  // XML without the header that SOAP 1.1 requires: on a service path it can be nothing else.
  const isXml = /^(?:text|application)\/xml\b/i.test(header('content-type') ?? '')
  return soapVersionOf(header) ?? (isService && (isXml || isTfvcClient(header)) ? '1.1' : undefined)
}

function soapVersionOf(header: Header): '1.1' | '1.2' | undefined {
  if (/^application\/soap\+xml\b/i.test(header('content-type') ?? '')) return '1.2'
  return header('soapaction') === undefined ? undefined : '1.1'
}

/** Team Explorer Everywhere, with one or two spaces between the words, depending on how the user signs in there. */
function isTfvcClient(header: Header): boolean {
  return /Team {1,2}Explorer {1,2}Everywhere|^Team Foundation\b/.test(header('user-agent') ?? '')
}

/** Browsers send `navigate` only over https and on localhost; PowerShell and some git clients also claim Mozilla. */
function isBrowser(header: Header): boolean {
  const agent = header('user-agent') ?? ''
  return (
    header('sec-fetch-mode') === 'navigate' ||
    (agent.startsWith('Mozilla/') && !/git|powershell/i.test(agent))
  )
}

/** A browser says that a user opens the address in a window: no tool does, whatever its path. */
function opensPage(header: Header): boolean {
  return (
    header('sec-fetch-mode') === 'navigate' &&
    header('sec-fetch-dest') === 'document' &&
    wantedMost(header('accept') ?? '') === 'text/html'
  )
}

/** Whether a browser asks for a page of its own: no image, no frame, and nothing that a script fetches. */
export function asksForPage(head: RequestHead, method: string): boolean {
  const mode = headerOf(head, 'sec-fetch-mode') ?? 'navigate'
  const dest = headerOf(head, 'sec-fetch-dest') ?? 'document'
  const isRead = method === 'GET' || method === 'HEAD'
  return isRead && mode === 'navigate' && dest === 'document' && dialectOf(head) === 'html'
}

/** The media type with the highest weight, the first one of equals, in lower case (RFC 9110, 12.5.1). */
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

/** Reads the raw list, because `routeOf` has removed Content-Type from the parsed headers. */
function valueOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() === name) return rawHeaders[at + 1]
  return undefined
}

/** The kind of service that a path belongs to. */
type Tool = 'git' | 'soap' | 'rest'

/**
 * The tool that a path is for: git's smart HTTP and LFS, or the SOAP and REST services of Azure DevOps; `undefined` if
 * browsers may request it. git's own services come first, so that no other name in the path changes what git gets.
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

/** What a request is for, according to its path: the rows of the table in `screen-answer.ts`. */
export type RequestKind =
  /** `info/refs`: git discovers the refs, and keeps or erases the password. */
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
  /** REST services and downloads through them: items, artifacts, containers. */
  | 'rest'
  /** Package feeds: NuGet, npm, Python, Maven, Cargo. */
  | 'feed'
  /** Browsers and everything else. */
  | 'other'

/** See `RequestKind`. git and git-lfs come first, as in `toolAt`. */
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
/** `_tfs_resources` is where the download tickets of older servers point. */
const tfvcFile = /\.ashx(?:\/|$)|\/(?:item|upload)\.asmx(?:\/|$)|\/_tfs_resources(?:\/|$)/i
/** Called by the web pages of Azure DevOps, and used for downloads by scripts: `_api/_versioncontrol/itemContent`. */
const pageService = /\/_api(?:\/|$)/i
const feed = /\/_packaging(?:\/|$)|\/simple(?:\/|$)/i

/**
 * What a request is about, for logs: a repository such as `Web/_git/site`, or the class of a path, such as `_apis/git`;
 * `other` if it is neither. `path`: below the account. Paths hold tokens and file names, so nothing else of it is shown.
 */
export function placeAt(path: string): string {
  const repository = (gitHome.exec(path) ?? gitFolder.exec(path))?.[1]
  if (repository !== undefined) return segments(repository)
  const [, service, underscored] = classOfPath.exec(path) ?? []
  return segments(service ?? underscored ?? 'other')
}

/** What is before git's services, and what looks like a repository to browsers as well. */
const gitHome = /^\/(.{1,300}?)\/(?:info\/(?:refs$|lfs(?:\/|$))|git-(?:upload|receive)-pack$)/i
const gitFolder = /^\/((?:[^/]{1,100}\/){0,3}(?:_git\/(?:_full\/|_optimized\/)?[^/]+|[^/]+\.git))(?:\/|$)/i
const classOfPath =
  /\/(_apis\/[a-z]{1,32}|_packaging\/[^/]+|[\w.-]{1,64}\.as[mh]x)(?:\/|$)|\/(?=_)(_[a-z]{1,32})(?:\/|$)/i

function segments(path: string): string {
  return path.split('/').slice(-4).map(plainSegment).join('/')
}

/** A segment of a path as logs show it: `*` for what has other than plain characters, or looks like a password. */
export function plainSegment(segment: string): string {
  return plain.test(segment) && !secretInSegment.test(segment) ? segment : '*'
}

const plain = /^[\w.~%+-]{1,64}$/
/** A generated password, or what git would take for a user and a password. */
const secretInSegment = /agp_|%3a|%40|%0/i

/** A request target without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}

/**
 * A header name as CGI, WSGI, PHP and IIS fold it: to such an upstream, all characters other than letters and digits are
 * equal.
 */
export function foldedName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}
