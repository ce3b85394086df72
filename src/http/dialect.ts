import { pathOf, toolAt } from './tool-path.ts'

/** The ways in which one and the same explanation is told. */
export type Dialect = 'text' | 'lfs' | 'soap' | 'rest' | 'html'

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
 * for `*.asmx`, `rest` below `/_apis`. On other paths the headers do: `soap` for SOAP 1.1 and 1.2 and Team Explorer
 * Everywhere, `rest` if JSON is what is wanted most, `html` for a person in a browser, else `text`.
 */
export function dialectOf({ target, rawHeaders }: Asking): Dialect {
  const path = pathOf(target)
  if (gitAsks.test(path)) return 'text'
  const header = (name: string) => valueOf(rawHeaders, name)
  if (isLfs(header)) return 'lfs'
  const tool = toolAt(path)
  if (tool !== undefined) return tool === 'git' ? 'text' : tool
  if (speaksSoap(header)) return 'soap'
  const wanted = wantedMost(header('accept') ?? '')
  if (wanted === 'application/json') return 'rest'
  return wanted === 'text/html' && isBrowser(header) ? 'html' : 'text'
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

function speaksSoap(header: Header): boolean {
  return (
    header('soapaction') !== undefined ||
    /^application\/soap\+xml\b/i.test(header('content-type') ?? '') ||
    // With two blanks each, or with one: it depends on how the person signs in there.
    /Team {1,2}Explorer {1,2}Everywhere/.test(header('user-agent') ?? '')
  )
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
