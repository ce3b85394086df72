import fc from 'fast-check'
import t from 'tap'
import { readingIn } from '../../src/requests/writing-in-bodies.ts'
import { runs } from '../support/runs.ts'

const tfvc = 'http://schemas.microsoft.com/TeamFoundation/2005/06/VersionControl/ClientServices/03'
const soap11 = 'http://schemas.xmlsoap.org/soap/envelope/'
const soap12 = 'http://www.w3.org/2003/05/soap-envelope'

const look = (body: string | Buffer, action?: string) =>
  readingIn({ format: 'soap', ...(action && { action: { namespace: tfvc, name: action } }) }).look(
    Buffer.from(body),
    true,
  )
const lookAtBatch = (body: string | Buffer) =>
  readingIn({ format: 'lfs-batch' }).look(Buffer.from(body), true)

/** As Team Explorer Everywhere writes it. */
const message = (operation: string, { envelope = soap12, header = '', namespace = tfvc, start = '' } = {}) =>
  `${start || '<?xml version="1.0" ?>'}<soap:Envelope xmlns:soap="${envelope}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">${header}<soap:Body xmlns="${namespace}">${operation}</soap:Body></soap:Envelope>`

const download =
  '{"operation":"download","transfers":["basic"],"ref":{"name":"refs/heads/main"},"objects":[{"oid":"0a1b","size":3}]}'

t.test('a batch request for a download reads', async t => {
  for (const body of [
    download,
    ' {\n "operation" : "download" }\r\n',
    '{"objects":[{"operation":"upload"}],"operation":"download"}',
    '{"\\u006fperation":"download"}',
    '{"a":"\\"operation\\":","operation":"download"}',
  ])
    t.equal(lookAtBatch(body), 'reads', body)
})

t.test('any other batch request writes', async t => {
  for (const body of [
    '',
    '{}',
    '[]',
    'null',
    '"download"',
    '{"operation":"upload"}',
    '{"operation":"Download"}',
    '{"operation":["download"]}',
    '{"operation":"download","operation":"upload"}',
    '{"operation":"upload","operation":"download"}',
    '{"operation":"download","operation":"download"}',
    '{"operation":"download","\\u006fperation":"upload"}',
    '{"operation":"download","Operation":"upload"}',
    '{"OPERATION":"download"}',
    '{"x":{"operation":"download"}}',
    '{"__proto__":{"operation":"download"}}',
    '\ufeff{"operation":"download"}',
    '{"operation":"download"}{"operation":"upload"}',
    '{"operation":"download",}',
    "{'operation':'download'}",
    '{/* */"operation":"download"}',
    'operation=download',
    `${'['.repeat(200_000)}`,
  ])
    t.equal(lookAtBatch(body), 'writes', body.slice(0, 80))
  t.equal(lookAtBatch(Buffer.from(download, 'utf16le')), 'writes', 'UTF-16')
  t.equal(lookAtBatch(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(download, 'utf16le')])), 'writes')
  t.equal(lookAtBatch(Buffer.from('{"operation":"download","a":"\xff"}', 'latin1')), 'writes', 'not UTF-8')
})

t.test('a batch request is looked at only when it is whole', async t => {
  t.equal(readingIn({ format: 'lfs-batch' }).look(Buffer.from(download), false), undefined)
})

t.test('whatever else a batch request has, one operation decides', async () => {
  const other = fc.json({ maxDepth: 3 })
  fc.assert(
    fc.property(other, other, fc.constantFrom('download', 'upload', 'verify'), (before, after, operation) => {
      const body = `{"a":${before},"operation":"${operation}","b":${after}}`
      return lookAtBatch(body) === (operation === 'download' ? 'reads' : 'writes')
    }),
    { numRuns: runs(200) },
  )
})

t.test('a call of a reading operation reads', async t => {
  for (const body of [
    message('<QueryWorkspaces><ownerName>anna</ownerName></QueryWorkspaces>'),
    message('<QueryHistory/>', { envelope: soap11 }),
    message('\n <!-- a -- comment -->'.replace(' -- ', ' ') + '<Get></Get>'),
    message('<q:Get xmlns:q="' + tfvc + '"></q:Get>', { namespace: 'urn:other' }),
    message('<UpdateLocalVersion>', {}),
    message('<Get>', {
      header: '<soap:Header><RequestHeader xmlns="urn:x"><Id>1</Id><A/></RequestHeader></soap:Header>',
    }),
    message('<Get>', { header: '<soap:Header/>' }).replace('<soap:Header/>', ''),
    message('<Get>', { start: '\ufeff<?xml version=\'1.0\' encoding="UTF-8" standalone="yes"?>\r\n' }),
    message('<Get>', { start: ' ' }),
    message('<Connect xmlns="http://microsoft.com/webservices/">'),
  ])
    t.equal(look(body), 'reads', body)
  t.equal(look(message('<Get>'), 'Get'), 'reads', 'as the headers say')
})

t.test('a call of any other operation writes', async t => {
  for (const body of [
    message('<CheckIn>'),
    message('<Get xmlns="urn:other">'),
    message('<q:Get xmlns:q="urn:other">'),
    message('<get>'),
    message('<GetX>'),
    message('<Get>', { namespace: 'urn:other' }),
  ])
    t.equal(look(body), 'writes', body)
  t.equal(look(message('<Get>'), 'QueryHistory'), 'writes', 'not as the headers say')
  t.equal(look(Buffer.from(message('<Get>'), 'utf16le')) ?? 'writes', 'writes', 'UTF-16')
  t.equal(look(Buffer.from(message('<Get>').replace('Get', 'G\xffet'), 'latin1')), 'writes', 'not UTF-8')
})

t.test('a call that parsers could read in two ways is not read', async t => {
  for (const body of [
    '',
    '<Get/>',
    message('Get'),
    message('<!DOCTYPE a><Get>'),
    message('<Get>', { start: '<!DOCTYPE soap:Envelope [<!ENTITY e "<CheckIn/>">]>' }),
    message('<Get>', { start: '<?xml version="1.0" encoding="utf-16"?>' }),
    message('<Get>', { start: '<?xml version="1.0" encoding="utf-7"?>' }),
    message('<Get>', { start: '<?xml version="1.0"?><?x y?>' }),
    message('<![CDATA[<CheckIn>]]><Get>'),
    message('&x;<Get>'),
    message('<Get a="1" a="2">'),
    message(`<Get xmlns="${tfvc}" xmlns="urn:other">`),
    message('<Get', {}).replace(/<\/.*/, ''),
    message('<Get>', { envelope: 'urn:other' }),
    message('<Get>', {
      header:
        '<soap:Header><a:Action xmlns:a="http://www.w3.org/2005/08/addressing">x</a:Action></soap:Header>',
    }),
    message('<Get>', { header: '<soap:Header><![CDATA[</soap:Header>]]></soap:Header>' }),
    message('<Get>', { header: '<soap:Header/>' }),
    message('<Get>', { header: '<soap:Header xmlns:soap="urn:other"></soap:Header>' }),
    message('<Get>').replace('<soap:Body', '<soap:Body/><soap:Body'),
    message('<Get>').replaceAll('soap:Body', 'Body'),
    message('<Get>').replace('<soap:Envelope', '<soap:Envelope/><soap:Envelope'),
  ])
    t.equal(look(body), undefined, body)
})

t.test('namespaces of a header are not those of the body', async t => {
  const header = `<soap:Header xmlns:q="${tfvc}" xmlns="${tfvc}"></soap:Header>`
  t.equal(look(message('<q:Get>', { header, namespace: 'urn:other' })), 'writes')
  const body = `<soap:Envelope xmlns:soap="${soap12}" xmlns="urn:other">${header}<soap:Body><Get/></soap:Body></soap:Envelope>`
  t.equal(look(body), 'writes')
})

t.test('wherever a call is cut, it is read when enough is there, and in the same way', async t => {
  const whole = Buffer.from(message('<QueryWorkspaces><ownerName>\u00e4nna</ownerName></QueryWorkspaces>'))
  const needed = whole.indexOf('<ownerName>')
  for (let at = 0; at <= whole.length; at++) {
    const found = readingIn({ format: 'soap' }).look(whole.subarray(0, at), false)
    if (found !== (at < needed ? undefined : 'reads')) t.fail(`cut at ${at}: ${found}`)
  }
})

t.test('hostile XML costs little', async t => {
  const before = process.cpuUsage()
  const most = 64 * 1024
  for (const body of [
    `<soap:Envelope${' a="'.repeat(most / 4)}`,
    `<soap:Envelope ${'a="" '.repeat(most / 5)}`,
    `<soap:Envelope${' '.repeat(most)}`,
    `${'<!-- '.repeat(most / 5)}`,
    message('<Get>', { header: `<soap:Header>${'<a>'.repeat(most / 3)}` }),
    message('<Get>', { header: `<soap:Header>${'<a '.repeat(most / 3)}` }),
    `<${'a'.repeat(most)}`,
    `<a:${'a.'.repeat(most / 2)}=`,
  ])
    t.equal(look(body), undefined, body.slice(0, 40))
  t.ok(process.cpuUsage(before).user < 5e6, 'less than five seconds of a processor for all of them')
})
