import t from 'tap'
import { pathClassOf } from '../../src/requests/path-class.ts'

const table = [
  ['/welcome.git/info/refs', 'git:welcome'],
  ['/welcome.git/git-upload-pack', 'git:welcome'],
  ['/welcome/git-receive-pack', 'git:welcome'],
  ['/DefaultCollection/Web/_git/site/info/refs', 'git:Web/site'],
  ['/_git/site/git-upload-pack', 'git:site'],
  ['/Web/_git/_full/site/info/refs', 'git:Web/site'],
  ['/My%20Project/_git/My%20Site/info/refs', 'git:My%20Project/My%20Site'],
  ['/agp_0123456789/r.git/info/refs', 'git:*/r'],
  ['/user%3Aword%40host/r.git/info/refs', 'git:*/r'],
  [`/${'x'.repeat(65)}/r.git/info/refs`, 'git:*/r'],
  ['/info/refs', 'git:'],
  ['/r.git/info/lfs/objects/batch', 'lfs'],
  ['/r.git/info/lfs/objects/0a1b', 'lfs'],
  ['/Services/v3.0/LocationService.asmx', 'tfvc'],
  ['/VersionControl/v1.0/item.ashx', 'tfvc'],
  ['/_packaging/feed/nuget/v3/index.json', 'packages'],
  ['/_apis/git/repositories', 'api'],
  ['/secret-file.txt', 'other'],
  ['/', 'other'],
  ['', 'other'],
] as const

t.test('of a path operators see the repository, or what it is for', async t => {
  for (const [path, expected] of table) t.equal(pathClassOf(path), expected, path)
})
