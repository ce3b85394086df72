import fc from 'fast-check'
import t from 'tap'
import { RequestHeaders } from '../../src/gateway/ask.ts'
import { writes, writesUnseen, writingOf } from '../../src/requests/writes.ts'
import { runs } from '../support/runs.ts'

type Headers = Readonly<Record<string, string>>
type Case = readonly [what: string, request: string, headers?: Headers]

const lfs = { 'Content-Type': 'application/vnd.git-lfs+json; charset=utf-8' }
const fetching = { 'Content-Type': 'application/x-git-upload-pack-request' }
const xml = 'text/xml; charset=utf-8'
const soap12 = 'application/soap+xml; charset=utf-8'
const tfvc = 'http://schemas.microsoft.com/TeamFoundation/2005/06/VersionControl/ClientServices/03'
const repository = 'POST /fabrikam/c/VersionControl/v5.0/repository.asmx'
const call = (action: string) => ({ 'Content-Type': xml, SOAPAction: action })
const batch = 'POST /fabrikam/r.git/info/lfs/objects/batch'
const refs = 'GET /fabrikam/r.git/info/refs'

const reading: readonly Case[] = [
  ['the list of refs before a fetch', `${refs}?service=git-upload-pack`],
  ['the list of refs in the older protocol', refs],
  ['the list of refs with something else asked', `${refs}?a=b&service=git-upload-pack`],
  ['the head of it', 'HEAD /fabrikam/r.git/info/refs?service=git-upload-pack'],
  ['a fetch', 'POST /fabrikam/p/_git/r/git-upload-pack', { ...fetching, 'Content-Encoding': 'gzip' }],
  ['an object of the older protocol', 'GET /fabrikam/r.git/objects/pack/pack-0a1b.pack'],
  ['an LFS object', 'GET /fabrikam/r.git/info/lfs/objects/0a1b'],
  ['the list of LFS locks', 'GET /fabrikam/r.git/info/lfs/locks?path=a'],
  ['the list of locks before a push', 'POST /fabrikam/r.git/info/lfs/locks/verify', lfs],
  ['REST', 'GET /fabrikam/_apis/git/repositories?api-version=7.0'],
  ['a file that is called like a push', 'GET /fabrikam/git.git/plain/git-receive-pack.txt'],
  ['REST about a push', 'GET /fabrikam/_apis/git/items?path=/git-receive-pack'],
  ['route discovery', 'OPTIONS /fabrikam/_apis', { 'Content-Length': '0' }],
  ['a body of no length', 'GET /fabrikam/x', { 'Content-Length': '0' }],
  ['a download of TFVC', 'GET /fabrikam/c/VersionControl/v1.0/item.ashx?fid=1'],
  ['a download of an older server', 'GET /c/VersionControl/v1.0/item.asmx?fid=1'],
  ['a description of a service', 'GET /c/VersionControl/v1.0/repository.asmx?wsdl'],
  ['WebDAV', 'PROPFIND /fabrikam/svn/trunk', { Depth: '1', 'Content-Length': '120' }],
  ['svn update', 'REPORT /fabrikam/svn/!svn/me', { 'Transfer-Encoding': 'chunked' }],
  ['svn finds its server', 'OPTIONS /fabrikam/svn', { 'Content-Type': 'text/xml', 'Content-Length': '130' }],
  ['WebDAV search', 'SEARCH /fabrikam/dav/', { 'Content-Length': '130' }],
  ['the same method twice', 'GET /fabrikam/x', { 'X-HTTP-Method-Override': ' get ' }],
  ['the same method in the query', 'GET /fabrikam/x?_method=get'],
  ['a name with what means nothing', 'GET /fabrikam/x?method=delete&q=%ff%zz'],
]

const writing: readonly Case[] = [
  ['the list of refs before a push', `${refs}?service=git-receive-pack`],
  ['the same with escapes', `${refs}?service=git%2Dreceive%2dpack`],
  ['the same with escaped escapes', `${refs}?service=git%252Dreceive-pack`],
  ['the same with an escaped name', `${refs}?%73ervice=git-receive-pack`],
  ['the same beside the other', `${refs}?service=git-upload-pack&service=git-receive-pack`],
  ['the same before the other', `${refs}?service=git-receive-pack&service=git-upload-pack`],
  ['the other twice', `${refs}?service=git-upload-pack&service=git-upload-pack`],
  ['the same after a semicolon', `${refs}?service=git-upload-pack;service=git-receive-pack`],
  ['the same after a question mark', `${refs}?service=git-upload-pack?service=git-receive-pack`],
  ['the same with an overlong escape', `${refs}?service=git-%c1%b2eceive-pack`],
  ['the same with a zero byte', `${refs}?service=git-upload-pack%00&service=git-receive-pack`],
  ['the same with a parameter in the path', '/fabrikam/r.git/info/refs;a=b?service=git-receive-pack'],
  ['the same with a dot segment', 'GET /fabrikam/r.git/info/./refs?service=git-receive-pack'],
  ['a push with a dot segment', 'POST /fabrikam/r.git/./git-receive-pack'],
  [
    'a fetch that a dot segment makes of it',
    'POST /fabrikam/r.git/git-receive-pack/./git-upload-pack',
    fetching,
  ],
  ['an operation with a dot segment', 'GET /fabrikam/x.asmx/./Delete?id=1'],
  ['a batch request with a dot segment', 'POST /fabrikam/r.git/info/lfs/objects/./batch'],
  ['the same with an escaped path', 'GET /fabrikam/r.git/%69nfo%2frefs?service=git-receive-pack'],
  ['the same in capitals', 'GET /fabrikam/r.git/INFO/refs?Service=Git-Receive-Pack'],
  ['the same behind empty segments', 'GET /fabrikam/r.git/info//refs/?service=git-receive-pack'],
  ['an unknown service', `${refs}?service=git-upload-archive`],
  ['a push', 'POST /fabrikam/r.git/git-receive-pack'],
  ['a push by another method', 'GET /fabrikam/r.git/git-receive-pack'],
  ['a push with a parameter', 'POST /fabrikam/r.git/git-receive-pack;a/git-upload-pack', fetching],
  ['a push with escapes', 'POST /fabrikam/r.git/git-receive%2dpack'],
  ['a push in capitals', 'PROPFIND /fabrikam/r.git/Git-Receive-Pack'],
  ['a fetch without its type', 'POST /fabrikam/r.git/git-upload-pack'],
  ['REST at a name like a fetch', 'POST /x/git-upload-pack', { 'Content-Type': 'application/json' }],
  [
    'REST at a name like a list of locks',
    'POST /info/lfs/locks/verify',
    { 'Content-Type': 'application/json' },
  ],
  ['a fetch with escapes', 'POST /fabrikam/r.git/git-upload%2dpack', fetching],
  ['an archive', 'POST /fabrikam/r.git/git-upload-archive'],
  ['an upload of LFS', 'PUT /fabrikam/r.git/info/lfs/objects/0a1b'],
  ['the first LFS protocol', 'POST /fabrikam/r.git/info/lfs/objects', lfs],
  ['LFS verifies an upload', 'POST /fabrikam/r.git/info/lfs/objects/0a1b/verify', lfs],
  ['an LFS lock', 'POST /fabrikam/r.git/info/lfs/locks', lfs],
  ['an LFS lock is removed', 'POST /fabrikam/r.git/info/lfs/locks/1/unlock', lfs],
  ['a resumed upload', 'PATCH /fabrikam/r.git/info/lfs/objects/0a1b'],
  ['a batch request that is compressed', batch, { ...lfs, 'Content-Encoding': 'gzip' }],
  ['a batch request in UTF-16', batch, { 'Content-Type': 'application/vnd.git-lfs+json; charset=utf-16' }],
  ['a batch request that is a form', batch, { 'Content-Type': 'application/x-www-form-urlencoded' }],
  ['a batch request without a type', batch],
  ['a batch request with a query', `${batch}?operation=upload`, lfs],
  ['a batch request of something else', 'POST /x/objects/batch', { 'Content-Type': 'application/json' }],
  ['svn begins a commit', 'POST /fabrikam/svn/!svn/me', { 'Content-Type': 'application/vnd.svn-skel' }],
  ['svn begins an older commit', 'MKACTIVITY /fabrikam/svn/!svn/act/1'],
  ...[
    'CHECKOUT',
    'MERGE',
    'LOCK',
    'UNLOCK',
    'PUT',
    'DELETE',
    'MKCOL',
    'COPY',
    'MOVE',
    'PROPPATCH',
    'BIND',
  ].map((method): Case => [`WebDAV's ${method}`, `${method} /fabrikam/svn/trunk`]),
  ['a method that is not known', 'FROB /fabrikam/x'],
  ['a method in small letters', 'get /fabrikam/x'],
  ['REST', 'POST /fabrikam/_apis/wit/wiql'],
  ['REST that replaces', 'PATCH /fabrikam/_apis/git/repositories/1'],
  ['an upload of TFVC', 'POST /fabrikam/c/VersionControl/v1.0/upload.ashx'],
  ['another method in a header', 'GET /fabrikam/x', { 'X-HTTP-Method-Override': 'PATCH' }],
  ['another method in any spelling', 'GET /fabrikam/x', { x_http_method: 'DELETE' }],
  [
    'another method of a fetch',
    'POST /r.git/git-upload-pack',
    { ...fetching, 'X-Method-Override': 'DELETE' },
  ],
  ['another method in the query', 'GET /fabrikam/x?a=b&_method=DELETE'],
  ['another method in an escaped query', 'GET /fabrikam/x?%255Fmethod=put'],
  ['another method for Google', 'GET /fabrikam/x?$httpMethod=DELETE'],
  ['a GET with a body', 'GET /fabrikam/x', { 'Content-Length': '1' }],
  ['a HEAD with a body in chunks', 'HEAD /fabrikam/x', { 'Transfer-Encoding': 'chunked' }],
  ['a list of refs with a body', `${refs}?service=git-upload-pack`, { 'Content-Length': '1' }],
  ['an operation of ASP.NET in a path', 'GET /c/v1.0/repository.asmx/DeleteWorkspace?workspaceName=x'],
  ['the same in a form', 'POST /c/v1.0/repository.asmx/CheckIn', { 'Content-Type': xml }],
  ...[
    'CheckIn CheckInShelveset Shelve DeleteShelveset UpdateShelveset PendChanges PendChangesInLocalWorkspace',
    'UndoPendingChanges UndoPendingChangesInLocalWorkspace LabelItem UnlabelItem DeleteLabel Destroy Merge Rollback',
    'CreateBranch UpdateBranchObject DeleteBranchObject Unshelve Resolve DeleteWorkspace UpdateChangeset',
    'UpdateItemSecurity UpdateGlobalSecurity SetFileTypes SetServerSettings AddProxy CreateTeamProjectFolder',
  ]
    .flatMap(names => names.split(' '))
    .map((name): Case => [`TFVC's ${name}`, repository, call(`"${tfvc}/${name}"`)]),
  ['an operation of another service', repository, call('"http://example.com/QueryHistory"')],
  ['an operation without a namespace', repository, call('QueryHistory')],
  ['an operation in other letters', repository, call(`"${tfvc}/queryhistory"`)],
  ['a call in another charset', repository, { 'Content-Type': 'text/xml; charset=utf-16' }],
  ['a call that is compressed', repository, { 'Content-Type': xml, 'Content-Encoding': 'gzip' }],
  ['a call in parts', repository, { 'Content-Type': 'multipart/related; type="text/xml"' }],
  ['a call without a type', repository],
  ['a call with a query', `${repository}?op=CheckIn`, { 'Content-Type': xml }],
  [
    'a call of two operations',
    repository,
    { 'Content-Type': `${soap12}; action="${tfvc}/CheckIn"`, SOAPAction: `"${tfvc}/Get"` },
  ],
  [
    'a call of two operations in one type',
    repository,
    { 'Content-Type': `${soap12}; action="${tfvc}/Get"; action="${tfvc}/CheckIn"` },
  ],
]

function headOf([, request, headers = {}]: Case) {
  const [method = '', target = ''] = request.startsWith('/') ? ['GET', request] : request.split(' ')
  return { method, target, headers: new RequestHeaders(Object.entries(headers).flat()) }
}

for (const each of reading)
  t.test(`reads: ${each[0]}: ${each[1]}`, async t => {
    t.equal(writingOf(headOf(each)), 'reads')
    t.notOk(writes(headOf(each)))
    t.notOk(writesUnseen(headOf(each)))
  })

for (const each of writing)
  t.test(`writes: ${each[0]}: ${each[1]}`, async t => {
    t.equal(writingOf(headOf(each)), 'writes')
    t.ok(writes(headOf(each)))
    t.ok(writesUnseen(headOf(each)))
  })

t.test('an offer to speak another protocol is a write where a proxy may pass it on', async t => {
  for (const headers of [{ Connection: 'Upgrade', Upgrade: 'websocket' }, { Upgrade: 'h2c' }])
    for (const request of ['GET /fabrikam/x', 'OPTIONS /fabrikam/x', `${refs}?service=git-upload-pack`]) {
      t.equal(writingOf(headOf(['', request, headers])), 'reads')
      t.ok(writesUnseen(headOf(['', request, headers])))
    }
  t.ok(writes(headOf(['', 'PUT /fabrikam/x', { Upgrade: 'h2c' }])))
})

t.test('a batch request is decided by its body, and is a write where the body is not seen', async t => {
  const elsewhere = 'POST /fabrikam/lfs-server/objects/batch'
  for (const request of [batch, `${batch}/`, elsewhere]) {
    const head = headOf(['', request, lfs])
    t.same(writingOf(head), { format: 'lfs-batch' })
    t.notOk(writes(head))
    t.ok(writesUnseen(head))
  }
})

t.test(
  'a call that names a reading action is decided by its body too, and is a write where that is not seen',
  async t => {
    const named = [
      call(`"${tfvc}/QueryHistory"`),
      call(`${tfvc}/QueryHistory`),
      { 'Content-Type': `${soap12}; action="${tfvc}/QueryHistory"` },
      { 'Content-Type': `${soap12};action=${tfvc}/QueryHistory` },
      { 'Content-Type': `${soap12}; action="${tfvc}/QueryHistory"`, SOAPAction: `"${tfvc}/QueryHistory"` },
    ]
    for (const headers of named) {
      const head = headOf(['', repository, headers])
      t.same(writingOf(head), { format: 'soap', action: { namespace: tfvc, name: 'QueryHistory' } })
      t.notOk(writes(head))
      t.ok(writesUnseen(head))
    }
  },
)

t.test(
  'a call that names no action is decided by its body, and is a write where that is not seen',
  async t => {
    for (const headers of [{ 'Content-Type': soap12 }, call('""'), { 'Content-Type': xml }]) {
      const head = headOf(['', repository, headers])
      t.same(writingOf(head), { format: 'soap' })
      t.ok(writesUnseen(head))
    }
  },
)

t.test('what a workspace needs for tf get is reading', async t => {
  const names = 'CreateWorkspace UpdateWorkspace UpdateLocalVersion ReconcileLocalWorkspace AddConflict Get'
  for (const name of names.split(' '))
    t.notOk(writes(headOf(['', repository, call(`"${tfvc}/${name}"`)])), name)
})

t.test('repeated headers all count', async t => {
  const head = headOf(['', 'GET /fabrikam/x'])
  const twice = ['X-HTTP-Method', 'GET', 'X-Http-Method', 'DELETE']
  t.equal(writingOf({ ...head, headers: new RequestHeaders(twice) }), 'writes')
  const types = ['Content-Type', xml, 'Content-Type', xml]
  t.equal(writingOf({ ...headOf(['', repository]), headers: new RequestHeaders(types) }), 'writes')
  const actions = ['Content-Type', xml, 'SOAPAction', `"${tfvc}/Get"`, 'SOAPAction', `"${tfvc}/CheckIn"`]
  t.equal(writingOf({ ...headOf(['', repository]), headers: new RequestHeaders(actions) }), 'writes')
})

/** A text with some of its characters escaped, some of the escapes too, in letters of any case. */
const spelled = (text: string) =>
  fc
    .array(fc.record({ depth: fc.nat(3), upper: fc.boolean() }), {
      minLength: text.length,
      maxLength: text.length,
    })
    .map(how =>
      text
        .split('')
        .map((letter, at) => {
          const { depth = 0, upper = false } = how[at] ?? {}
          let one = upper ? letter.toUpperCase() : letter
          if (depth > 0) one = `%${'25'.repeat(depth - 1)}${one.charCodeAt(0).toString(16)}`
          return one
        })
        .join(''),
    )

t.test('no spelling of a push in a path or in the query of info/refs reads', async () => {
  const methods = fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH')
  const end = fc.constantFrom(
    '',
    '/',
    ';a=b',
    '?',
    '?a=b',
    '/git-upload-pack',
    '/objects/batch',
    ';/info/refs',
  )
  fc.assert(
    fc.property(methods, spelled('git-receive-pack'), end, (method, service, after) => {
      return (
        writingOf({
          method,
          target: `/fabrikam/r.git/${service}${after}`,
          headers: new RequestHeaders(Object.entries(fetching).flat()),
        }) === 'writes'
      )
    }),
    { numRuns: runs(500) },
  )
  const before = fc.constantFrom('', 'service=git-upload-pack&', 'a=b;', 'service=git-upload-pack?')
  fc.assert(
    fc.property(spelled('service'), spelled('git-receive-pack'), before, (name, service, first) => {
      const target = `/fabrikam/r.git/info/refs?${first}${name}=${service}`
      return writingOf({ method: 'GET', target, headers: new RequestHeaders([]) }) === 'writes'
    }),
    { numRuns: runs(500) },
  )
})

t.test('only the methods of the table ever read', async () => {
  const known = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH', 'POST'])
  fc.assert(
    fc.property(fc.string(), fc.string(), (method, path) => {
      return (
        known.has(method) ||
        writingOf({ method, target: `/${path}`, headers: new RequestHeaders([]) }) === 'writes'
      )
    }),
    { numRuns: runs(300) },
  )
})
