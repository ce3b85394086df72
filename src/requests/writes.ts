import type { Ask } from '../gateway/ask.ts'
import { actionOf, isReading, type SoapAction } from './soap.ts'
import { foldedName, pathOf } from './tool.ts'

/** The parts of a request that say whether it writes. */
export type WriteHead = Pick<Ask, 'method' | 'target' | 'headers'>

/** Only the body says whether the request writes. */
export interface BodyDecides {
  readonly format: 'lfs-batch' | 'soap'
  /** The action in the headers of a SOAP call. It reads, and the body must name the same one. */
  readonly action?: SoapAction
}

export type Writing = 'reads' | 'writes' | BodyDecides

/** Judges a request that its row does not decide alone. */
type Judge = (request: Plain) => Writing

const always: Judge = () => 'reads'
const never: Judge = () => 'writes'

/**
 * What a password that may only read may do: the first row whose methods and path match decides, and what matches no row
 * is a write. POST rows match the path as it was sent, so that another spelling is a write. The other paths are decoded, in
 * lower case and without parameters.
 */
const table: readonly (readonly [methods: string, path: RegExp, judge: Judge])[] = [
  // git: the list of refs before a fetch, and the fetch. Before a push, it is the list for `git-receive-pack`.
  ['GET HEAD', /\/info\/refs$/, judgeRefs],
  ['POST', /\/git-upload-pack$/, hasType(/^application\/x-git-upload-pack-request$/)],
  // git-lfs: the batch request before a download or an upload, and the list of locks before a push. Downloads are GET.
  ['POST', /\/objects\/batch\/?$/, judgeBatch],
  ['POST', /\/info\/lfs\/locks\/verify$/, hasType(/^application\/vnd\.git-lfs\+json$/)],
  // SOAP services of TFS, by action. ASP.NET also calls the operation that the rest of such a path names.
  ['POST', /\.asmx$/i, judgeSoap],
  ['GET HEAD', /\.asmx\/./, never],
  // Everything else, by method: web pages, REST, package feeds, TFVC downloads, WebDAV and Subversion.
  ['GET HEAD', /^/, judgeRead],
  ['OPTIONS PROPFIND REPORT SEARCH', /^/, always],
]

const rows = table.map(([methods, path, judge]) => ({ methods: new Set(methods.split(' ')), path, judge }))

/**
 * Whether a request changes anything at its upstream. What is not known to read is a write: that costs a user of a
 * read-only password an answer that says so, while the other mistake would let a leaked password change a repository.
 */
export function writingOf(head: WriteHead): Writing {
  const request = plainOf(head)
  if (isDisguised(request)) return 'writes'
  const path = head.method === 'POST' ? request.sent : request.path
  const row = rows.find(each => each.methods.has(head.method) && each.path.test(path))
  return row === undefined ? 'writes' : row.judge(request)
}

/** Whether a request is a write by its head alone, where the body will be read. See `writingOf`. */
export function writes(head: WriteHead): boolean {
  return writingOf(head) === 'writes'
}

/**
 * Whether a request counts as a write behind a proxy that keeps its body. The action in the headers of a SOAP call is no
 * proof: to a service that does not know it, ASP.NET's SOAP 1.2 calls what the body names. Nor is the head if the proxy may
 * pass on an offer to speak another protocol, in which other requests follow; the public port never does (ADR 0126).
 */
export function writesUnseen(head: WriteHead): boolean {
  return writingOf(head) !== 'reads' || plainOf(head).values('upgrade').length > 0
}

/** A request with the spellings removed in which upstreams may read it. */
interface Plain extends WriteHead {
  /** The path as it was sent. */
  readonly sent: string
  /** The path, decoded until nothing is left to decode, in lower case, without parameters, empty segments and `.`. */
  readonly path: string
  /** The query as it was sent, without its `?`. */
  readonly query: string
  /** Values of a header, all of its lines. `name`: in lower case; in the request, `_` and others count as `-`. */
  readonly values: (name: string) => readonly string[]
}

function plainOf(head: WriteHead): Plain {
  const { target } = head
  const { raw } = head.headers
  const sent = pathOf(target)
  const segments = decodedFully(sent)
    .toLowerCase()
    .split(/[/\\]/)
    .map(segment => segment.replace(/;.*/s, ''))
  return {
    ...head,
    sent,
    path: `/${segments.filter(segment => segment !== '' && segment !== '.').join('/')}`,
    query: target.slice(sent.length + 1),
    values: name => raw.filter((_, at) => at % 2 === 1 && foldedName(raw[at - 1] ?? '') === name),
  }
}

/** More levels of encoding than any server removes. */
const deepest = 5

/** Decodes escapes of ASCII; others do not matter here. */
function decodedFully(text: string): string {
  let decoded = text
  for (let level = 0; level < deepest && decoded.includes('%'); level++)
    decoded = decoded.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
  return decoded
}

/** Whether the upstream may take the request for another one. */
function isDisguised(request: Plain): boolean {
  return (
    request.path.split('/').includes('git-receive-pack') ||
    overrides.some(name => request.values(name).some(value => isOtherMethod(value, request))) ||
    parametersOf(request.query).some(
      ([name, value]) => overridesInQuery.has(foldedName(name)) && isOtherMethod(value, request),
    )
  )
}

/** Headers by which many frameworks, and Azure DevOps, replace the method of a POST, some that of any request. */
const overrides = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-method', 'x-http-verb']

/** The same as parameters of the query: `_method`, `$httpMethod`. */
const overridesInQuery: ReadonlySet<string> = new Set([
  ...overrides,
  '-method',
  '-http-method',
  '-httpmethod',
  'http-method',
  'httpmethod',
])

function isOtherMethod(value: string, { method }: WriteHead): boolean {
  return value.trim().toUpperCase() !== method
}

/** Names and values, decoded. Some servers also separate by semicolons. */
function parametersOf(query: string): readonly (readonly [name: string, value: string])[] {
  if (query === '') return []
  return query.split(/[?&;]/).map(part => {
    const [name = '', ...value] = part.split('=')
    return [
      decodedFully(name.replaceAll('+', ' ')).trim(),
      decodedFully(value.join('=').replaceAll('+', ' ')),
    ]
  })
}

/** A path alone does not say which server reads it: with the type of git or LFS, another one makes nothing of the body. */
function hasType(types: RegExp): Judge {
  return ({ values }) => (isOfType(values, types) ? 'reads' : 'writes')
}

/** Bodies of GET and HEAD have no meaning (RFC 9110, 9.3.1); to some servers they are the next request. */
function judgeRead({ values }: Plain): Writing {
  const hasBody =
    values('transfer-encoding').length > 0 ||
    values('content-length').some(length => !/^0+$/.test(length.trim()))
  return hasBody ? 'writes' : 'reads'
}

/**
 * Only `service=git-upload-pack` as git writes it, or no service, as in git's older protocol. Whatever else is in the
 * query must not be readable as another service.
 */
function judgeRefs(request: Plain): Writing {
  const { query } = request
  const isPlain = /^[\w.~=&/-]*$/.test(query)
  const services = parametersOf(query).filter(([name]) => name.toLowerCase() === 'service')
  const isFetch = services.every(([name, value]) => name === 'service' && value === 'git-upload-pack')
  return isPlain && isFetch && services.length < 2 ? judgeRead(request) : 'writes'
}

/** LFS servers can be anywhere; where the path is no proof, the media type is. */
function judgeBatch({ sent, query, values }: Plain): Writing {
  const isLfs =
    sent.includes('/info/lfs/') ||
    [...values('accept'), ...values('content-type')].some(type => /\bvnd\.git-lfs\+json\b/i.test(type))
  return isLfs && query === '' && isReadable(values, jsonTypes) ? { format: 'lfs-batch' } : 'writes'
}

function judgeSoap({ query, values }: Plain): Writing {
  const action = actionOf(values('soapaction'), values('content-type'))
  if (action === 'unclear' || query !== '' || !isReadable(values, soapTypes)) return 'writes'
  if (action === undefined) return { format: 'soap' }
  return isReading(action) ? { format: 'soap', action } : 'writes'
}

const jsonTypes = /^application\/(?:vnd\.git-lfs\+)?json$/
const soapTypes = /^(?:text\/xml|application\/soap\+xml)$/

/** Whether there is one media type, and it is one of these, in UTF-8. */
function isOfType(values: Plain['values'], types: RegExp): boolean {
  const [type = '', ...others] = values('content-type')
  const [media = '', ...parameters] = type.toLowerCase().split(';')
  const charsets = parameters.filter(each => each.includes('charset'))
  return (
    others.length === 0 &&
    types.test(media.trim()) &&
    charsets.every(each => /^\s*charset="?(?:utf-8|us-ascii)"?\s*$/.test(each))
  )
}

/**
 * Whether the gateway reads the body as its upstream will. A compressed one is not read: git-lfs compresses no request (its
 * issues 3683 and 5015 ask for it), and what it unpacks to would need a limit of its own.
 */
function isReadable(values: Plain['values'], types: RegExp): boolean {
  const isPlain = values('content-encoding').every(coding => coding.trim().toLowerCase() === 'identity')
  return isPlain && isOfType(values, types)
}
