import t from 'tap'
import { type Dialect, dialectOf, placeAt } from '../../src/requests/tool.ts'

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0'
const page = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'
const tee = 'Team  Explorer  Everywhere, SKU:9 (CLC 14.134.0.12345 Release; jvm 1.8; Linux)'
const lfs = 'git-lfs/3.3.0 (GitHub; linux amd64; go 1.19.8)'
const git = '/fabrikam/r.git/info/refs?service=git-upload-pack'

/** The client, the path, the headers, and the dialect of the answer. */
const table: readonly (readonly [string, string, Readonly<Record<string, string>>, Dialect])[] = [
  ['git', git, { Accept: '*/*', 'User-Agent': 'git/2.39.5' }, 'text'],
  ['git in a folder of Azure DevOps', '/fabrikam/p/_git/r/info/refs', {}, 'text'],
  ['git with a server that is called _apis', '/_apis/r.git/info/refs', {}, 'text'],
  ['git with a repository that is called x.asmx', '/fabrikam/x.asmx/git-receive-pack', {}, 'text'],
  ['curl at a large file', '/fabrikam/r.git/info/lfs/objects/0a1b', { Accept: '*/*' }, 'text'],
  ['git that asks for JSON', git, { Accept: 'application/json' }, 'text'],
  ['a person at a path of git', '/fabrikam/_git/r', { Accept: page, 'User-Agent': chrome }, 'text'],
  ['curl', '/fabrikam/x', { Accept: '*/*', 'User-Agent': 'curl/8.5.0' }, 'text'],
  ['no particular client', '/fabrikam/x', {}, 'text'],

  ['git-lfs', '/fabrikam/r.git/info/lfs/objects/batch', { Accept: 'application/vnd.git-lfs+json' }, 'lfs'],
  [
    'git-lfs with a type that has more to it',
    '/x',
    { accept: 'Application/vnd.git-lfs+json; charset=utf-8' },
    'lfs',
  ],
  ['git-lfs that loads', '/fabrikam/r.git/info/lfs/objects/0a1b', { 'User-Agent': lfs }, 'lfs'],
  ['git-lfs elsewhere', '/fabrikam/r.git/gitlab-lfs/objects/0a1b', { 'User-Agent': lfs }, 'lfs'],
  ['git-lfs at a place of REST', '/fabrikam/_apis/git/lfs/0a1b', { 'user-agent': 'git-lfs/3.6.1' }, 'lfs'],
  ['git with the name of git-lfs', git, { 'User-Agent': lfs }, 'text'],
  ['who only speaks of it', '/fabrikam/r.git/info/lfs', { 'User-Agent': 'x git-lfs/3' }, 'text'],

  ['tf', '/fabrikam/Services/v3.0/LocationService.asmx', { 'User-Agent': tee }, 'soap'],
  ['SOAP below a service', '/fabrikam/a.asmx/b?wsdl', {}, 'soap'],
  ['SOAP for a person', '/fabrikam/a.ASMX', { Accept: page, 'User-Agent': chrome }, 'soap'],
  ['SOAP 1.1', '/fabrikam/x', { SOAPAction: '""' }, 'soap'],
  ['SOAP 1.2', '/fabrikam/x', { 'content-type': 'application/soap+xml; charset=utf-8' }, 'soap'],
  ['tf with blanks', '/fabrikam/x', { 'User-Agent': tee }, 'soap'],
  ['tf with fewer', '/fabrikam/x', { 'User-Agent': 'Team Explorer Everywhere, SKU:9' }, 'soap'],

  ['a file for tf', '/fabrikam/c/VersionControl/v1.0/item.ashx?fid=1', { 'User-Agent': tee }, 'transfer'],
  [
    'a file for Visual Studio',
    '/c/Upload.ASHX',
    { 'User-Agent': 'Team Foundation (devenv.exe)' },
    'transfer',
  ],
  ['a file through a TFS proxy', '/VersionControlProxy/V1.0/item.asmx', { 'User-Agent': tee }, 'transfer'],
  ['a file for curl', '/fabrikam/item.ashx', { 'User-Agent': 'curl/8.5.0' }, 'text'],
  ['a file of git that is called item.ashx', '/x.git/item.ashx', { 'User-Agent': tee }, 'text'],
  ['REST that is called item.ashx', '/fabrikam/_apis/item.ashx', { 'User-Agent': tee }, 'rest'],
  ['a service that is called otherwise', '/fabrikam/items.asmx', { 'User-Agent': tee }, 'soap'],

  ['REST', '/fabrikam/_apis/connectionData', {}, 'rest'],
  ['route discovery', '/fabrikam/_apis', {}, 'rest'],
  ['REST about a repository', '/fabrikam/_apis/git/repositories/r.git', {}, 'rest'],
  ['tf over REST', '/fabrikam/_apis/projects', { 'User-Agent': tee }, 'rest'],
  ['.NET', '/fabrikam/x', { Accept: 'application/json; api-version=1.0' }, 'rest'],
  ['JSON before all else', '/fabrikam/x', { Accept: 'text/html;q=0.5, Application/JSON, */*' }, 'rest'],
  ['JSON with a weight that is none', '/x', { Accept: 'a/b, application/json;q=.' }, 'text'],
  ['JSON as a second choice', '/fabrikam/x', { Accept: '*/*, application/json;q=0.9' }, 'text'],
  ['JSON in a query', '/fabrikam/x?a=/_apis/', {}, 'text'],

  ['a registry for images, at the root of its host', '/v2/team/app/manifests/1', {}, 'oci'],
  ['docker looking for a registry', '/v2/', { 'User-Agent': 'docker/27.0' }, 'oci'],
  [
    'a browser at a registry',
    '/v2/',
    { Accept: page, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
    'html',
  ],
  ['git in an account called v2', '/v2/r.git/info/refs', {}, 'text'],
  ['NuGet in an account', '/fabrikam/nuget/v2/', {}, 'text'],
  ['Composer', '/fabrikam/packages.json', { 'User-Agent': 'Composer/2.5.5 (Linux; PHP 8.2)' }, 'composer'],

  ['a browser', '/fabrikam', { Accept: page, 'User-Agent': chrome }, 'html'],
  ['a browser over https', '/fabrikam', { Accept: page, 'Sec-Fetch-Mode': 'navigate' }, 'html'],
  [
    'a script in a page',
    '/fabrikam',
    { Accept: '*/*', 'User-Agent': chrome, 'Sec-Fetch-Mode': 'cors' },
    'text',
  ],
  ['a tool that takes pages', '/fabrikam', { Accept: page, 'User-Agent': 'Wget/1.21' }, 'text'],
  ['PowerShell', '/x', { Accept: page, 'User-Agent': 'Mozilla/5.0 WindowsPowerShell/5.1' }, 'text'],
  ['pages as a second choice', '/x', { Accept: '*/*, text/html;q=0.1', 'User-Agent': chrome }, 'text'],
]

for (const [who, target, headers, dialect] of table)
  t.test(`${who} is answered in ${dialect}`, async t => {
    t.equal(dialectOf({ target, rawHeaders: Object.entries(headers).flat() }), dialect)
  })

const long = 'a'.repeat(65)
const places: readonly (readonly [path: string, place: string])[] = [
  ['/_git/welcome/info/refs', '_git/welcome'],
  ['/Web%20Site/_git/site/git-upload-pack', 'Web%20Site/_git/site'],
  ['/DefaultCollection/Web/_git/site/info/lfs/objects/batch', 'DefaultCollection/Web/_git/site'],
  ['/team/welcome.git/info/lfs/objects/0123456789abcdef', 'team/welcome.git'],
  ['/welcome.git/blob/file', 'welcome.git'],
  ['/_git/welcome', '_git/welcome'],
  ['/a/b/c/d/e/f/welcome/git-receive-pack', 'd/e/f/welcome'],
  ['/_apis/git/repositories/a-secret', '_apis/git'],
  ['/Web/_apis/a-secret', '_apis'],
  ['/_apis', '_apis'],
  ['/_packaging/feed/npm/registry/', '_packaging/feed'],
  ['/VersionControl/v1.0/Repository.asmx', 'Repository.asmx'],
  ['/Web/_versionControl/x', '_versionControl'],
  ['/svn/trunk/a-secret', 'other'],
  ['/', 'other'],
  ['', 'other'],
  ['/_git/anna:a-secret@welcome/info/refs', '_git/*'],
  ['/_git/anna%3Aa-secret%40welcome/info/refs', '_git/*'],
  ['/_git/agp_a-secret/info/refs', '_git/*'],
  ['/_git/a%0Ab/info/refs', '_git/*'],
  ['/_git/a\u0085b/info/refs', '_git/*'],
  [`/_git/${long}/info/refs`, '_git/*'],
  [`/${'x/'.repeat(5000)}info/refs`, 'other'],
]

t.test('logs show the repository or the class of a path, and nothing else of it', async t => {
  for (const [path, place] of places) t.equal(placeAt(path), place, path.slice(0, 80))
})
