import { answerOf, type PublicCase } from './case.ts'

const html = '<!DOCTYPE html><a href="a-1.0.tar.gz">a</a>'

function get(path: string): string {
  return `GET ${path} HTTP/1.1\nHost: git.example.com\n{auth}\n{close}\n\n`
}

const delivered: readonly PublicCase[] = [
  ['/fabrikam/r.git/info/lfs/objects/0123', 'RFC 9110, 8.3'],
  ['/fabrikam/p/_apis/git/repositories/r/items?path=/index.html', 'ragflow 18715'],
  ['/fabrikam/_packaging/f/pypi/simple/a/', 'PEP 503'],
  ['/fabrikam/simple/', 'PEP 503'],
  ['/fabrikam/VersionControl/v1.0/item.ashx?fid=1', 'ragflow 18715'],
  ['/fabrikam/WorkItemTracking/v1.0/AttachFileHandler.ashx?FileID=1', 'ragflow 18715'],
  ['/fabrikam/p/_git/r?path=/index.html', 'azure-devops-docs 6695'],
  ['/fabrikam/p/wiki', 'RFC 9110, 15.3.1'],
].map(([path = '', reported = '']) => ({
  name: `a page with 200 from ${path} is delivered`,
  reported,
  request: get(path),
  upstream: answerOf('200 OK', { 'Content-Type': 'text/html; charset=utf-8' }, html),
  answer: [
    /^HTTP\/1\.1 200 OK\r\n/,
    /^Content-Type: text\/html; charset=utf-8\r$/m,
    /<!DOCTYPE html>.+<\/a>$/,
  ],
}))

const kept: readonly PublicCase[] = [
  ['/fabrikam/r.git/info/refs?service=git-upload-pack', '200 OK', 'RFC 9110, 15.3.1'],
  ['/fabrikam/r.git/info/refs?service=git-receive-pack', '203 Other', 'azure-devops-auth-samples 52'],
  ['/fabrikam/VersionControl/v1.0/Repository.asmx', '200 OK', 'RFC 9110, 15.3.1'],
  ['/fabrikam/VersionControl/v1.0/item.ashx?fid=1', '203 Other', 'azure-devops-auth-samples 52'],
  ['/fabrikam/VersionControlProxy/V1.0/item.asmx?fid=1', '203 Other', 'azure-devops-auth-samples 52'],
  ['/fabrikam/_apis/connectionData', '203 Other', 'azure-devops-auth-samples 52'],
  ['/fabrikam/_packaging/f/pypi/simple/a/', '203 Other', 'azure-devops-auth-samples 52'],
].map(([path = '', status = '', reported = '']) => ({
  name: `a page with ${status.slice(0, 3)} from ${path} is kept`,
  reported,
  request: get(path),
  upstream: answerOf(status, { 'Content-Type': 'text/html' }, html),
  answer: [/^HTTP\/1\.1 502 /, /^X-Altgate-Outcome: upstream-failed\r$/m],
  never: /DOCTYPE/,
}))

export const cases: readonly PublicCase[] = [...delivered, ...kept]
