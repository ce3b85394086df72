import fc from 'fast-check'
import t, { type Test } from 'tap'
import { answer, type Answer, answerTo } from '../../src/answers/answer.ts'
import type { Naming } from '../../src/gateway/account.ts'
import type { ResetNeeded } from '../../src/gateway/decision.ts'
import type { Ending } from '../../src/requests/request.ts'
import { anyText } from '../support/any-text.ts'
import { moved, named, resetNeeded, table } from '../support/endings.ts'
import { entra } from '../support/world.ts'

const context = {
  requestId: '0123456789abcdef01234567',
  publicUrl: 'https://git.example.com',
  naming: { by: 'path' } as Naming,
}

const askings = {
  text: { target: '/fabrikam/r.git/info/refs?service=git-upload-pack', rawHeaders: [] },
  lfs: {
    target: '/fabrikam/r.git/info/lfs/objects/batch',
    rawHeaders: ['Accept', 'application/vnd.git-lfs+json'],
  },
  soap: { target: '/fabrikam/Services/v3.0/LocationService.asmx', rawHeaders: [] },
  rest: { target: '/fabrikam/_apis/connectionData', rawHeaders: [] },
  oci: { target: '/v2/team/app/manifests/1', rawHeaders: [] },
  composer: { target: '/fabrikam/packages.json', rawHeaders: ['User-Agent', 'Composer/2.5.5 (Linux)'] },
  html: { target: '/fabrikam', rawHeaders: ['Accept', 'text/html', 'Sec-Fetch-Mode', 'navigate'] },
}

const told = (dialect: keyof typeof askings, ending: Ending) => answerTo(askings[dialect], ending, context)

/** The text for clients other than git. */
const withoutGit = (ending: Ending) => {
  const { requestId, publicUrl } = context
  return answer(ending, { requestId, publicUrl })
}

/** The plain text on one line. */
const saidBy = (ending: Ending) => withoutGit(ending).body.trimEnd().replaceAll('\n', ' ')

/** These differ between dialects. */
const dialectsOwn = new Set([
  'Content-Type',
  'Content-Security-Policy',
  'X-TFS-FedAuthRedirect',
  'X-TFS-FedAuthIssuer',
  'X-TFS-FedAuthRealm',
  'X-TFS-ServiceError',
  'Docker-Distribution-Api-Version',
])
const shared = ({ headers }: Answer) => Object.entries(headers).filter(([name]) => !dialectsOwn.has(name))

for (const [status, ending] of table) {
  t.test(`${named(ending)} says the same in every dialect`, async t => {
    const plain = answer(ending, context)
    t.strictSame(told('text', ending), plain, 'git gets plain text and nothing else')
    for (const dialect of ['lfs', 'soap', 'rest', 'html', 'oci', 'composer'] as const) {
      const given = told(dialect, ending)
      t.equal(given.status, status, 'the status belongs to the outcome')
      t.strictSame(shared(given), shared(plain))
    }
    readsInLfs(t, ending, told('lfs', ending))
    readsInSoap(t, ending, told('soap', ending))
    readsInRest(t, ending, told('rest', ending))
    readsInHtml(t, ending, told('html', ending))
    readsInOci(t, ending, told('oci', ending))
    readsInComposer(t, ending, told('composer', ending))
  })
}

function readsInLfs(t: Test, ending: Ending, { headers, body }: Answer): void {
  t.equal(headers['Content-Type'], 'application/vnd.git-lfs+json')
  const said = JSON.parse(body) as Partial<Record<string, string>> // `inLfs` writes nothing but strings
  const toGit = answer(ending, context).body.trimEnd()
  t.equal(said['message']?.replaceAll('\n', ' '), toGit.replaceAll('\n', ' '))
  t.equal(said['request_id'], context.requestId)
  const [link] = /^https:\S+$/m.exec(said['message'] ?? '') ?? []
  t.equal(said['documentation_url'], link, 'the address stands on a line of its own as well')
}

function readsInSoap(t: Test, ending: Ending, { status, headers, body }: Answer): void {
  t.equal(body, withoutGit(ending).body, 'the body is that of the plain text')
  t.equal(headers['Content-Type'], 'text/plain; charset=utf-8')
  const terminal = ending.outcome === 'reset-needed' || ending.outcome === 'expired'
  const error = headers['X-TFS-ServiceError']
  if (status === 401 && !terminal) t.equal(error, undefined, 'another password may be tried')
  else t.equal(decodeURIComponent(error ?? ''), saidBy(ending))
  t.match(error ?? '', /^[^+\s]*$/)
  t.strictSame(
    ['Redirect', 'Issuer', 'Realm'].map(which => headers[`X-TFS-FedAuth${which}`]),
    terminal
      ? [
          'https://git.example.com/_altgate/?account=fabrikam',
          'https://git.example.com',
          'https://git.example.com/fabrikam',
        ]
      : [undefined, undefined, undefined],
  )
}

function readsInRest(t: Test, ending: Ending, { headers, body }: Answer): void {
  t.equal(headers['Content-Type'], 'application/json; charset=utf-8')
  const error: unknown = JSON.parse(body)
  t.match(error, { $id: '1', innerException: null, message: saidBy(ending), errorCode: 0, eventId: 3000 })
  t.match(error, { typeName: /^Altgate\.([A-Z][a-z]+)+Exception$/, typeKey: /^([A-Z][a-z]+)+Exception$/ })
  t.equal(
    headers['X-VSS-AuthenticateError'],
    { 'reset-needed': 'AccountMoved', expired: 'PasswordExpired' }[String(ending.outcome)],
    'which stops the .NET clients',
  )
}

t.test('browsers are told whose gateway it is, as on the page', async t => {
  const refused: Ending = { outcome: 'no-account' }
  const { body } = told('html', refused)
  t.match(body, ' – Altgate</title>')
  t.match(body, '<img src="/_altgate/icon.svg" alt="" height="28"><span>Altgate</span>')
  const brand = { name: 'Contoso <b>"Git"</b>', hasLogo: true }
  const branded = answerTo(askings.html, refused, { ...context, brand })
  const name = 'Contoso &#60;b&#62;&#34;Git&#34;&#60;/b&#62;'
  t.match(branded.body, ` – ${name}</title>`)
  t.match(branded.body, `<img src="/_altgate/logo" alt="" height="28"><span>${name}</span>`)
  for (const dialect of ['text', 'lfs', 'soap', 'rest'] as const)
    t.strictSame(answerTo(askings[dialect], refused, { ...context, brand }), told(dialect, refused), dialect)
})

function readsInOci(t: Test, ending: Ending, { headers, status, body }: Answer): void {
  t.equal(headers['Docker-Distribution-Api-Version'], 'registry/2.0')
  const { errors } = JSON.parse(body) as { errors: { code: string; message: string }[] } // written by `inOci`
  t.equal(errors[0]?.message, saidBy(ending))
  const known = { 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS', 503: 'UNAVAILABLE' }
  if (Object.hasOwn(known, status))
    t.equal(errors[0]?.code, Object.entries(known).find(([of]) => Number(of) === status)?.[1])
}

function readsInComposer(t: Test, ending: Ending, { headers, body }: Answer): void {
  t.equal(headers['Content-Type'], 'application/json', 'with a parameter, Composer does not read it')
  t.strictSame(JSON.parse(body), { warning: saidBy(ending) })
}

function readsInHtml(t: Test, ending: Ending, { headers, body }: Answer): void {
  t.equal(headers['Content-Type'], 'text/html; charset=utf-8')
  t.match(headers['Content-Security-Policy'], "default-src 'none'")
  t.notMatch(body, /<script|<style|style=|\son\w+=/i)
  t.strictSame(
    [...body.matchAll(/<(?:link|img|a)[^>]* (?:href|src)="([^"]*)"/g)].map(([, url]) => url).slice(0, 4),
    ['/_altgate/icon.svg', '/_altgate/style.css', '/_altgate/', '/_altgate/icon.svg'],
    'the style of the page, from this host',
  )
  const text = /<main>([^]*)<\/main>/.exec(body)?.[1] ?? ''
  const plain = text
    .replace(/<[^>]*>/g, '')
    .replaceAll('&#34;', '"')
    .trim()
  t.equal(plain.replaceAll('\n', ' '), saidBy(ending), 'the same sentences, and no other')
}

/** The statuses whose text `tf` shows, and the statuses that they replace. */
const soapStatus = (status: number) =>
  status === 429 ? 503 : [400, 401, 503].includes(status) ? status : 500

for (const [status, ending] of table)
  t.test(`${named(ending)} is sent to SOAP clients in an envelope of their version`, async t => {
    for (const [rawHeaders, type] of [
      [['SOAPAction', '""'], 'text/xml; charset=utf-8'],
      [['Content-Type', 'text/xml; charset=utf-8'], 'text/xml; charset=utf-8'],
      [['Content-Type', 'application/soap+xml;action="x"'], 'application/soap+xml; charset=utf-8'],
    ] as const) {
      const given = answerTo({ ...askings.soap, rawHeaders }, ending, context)
      t.equal(given.status, soapStatus(status))
      t.strictSame(shared(given), shared(answer(ending, context)), 'outcome and Retry-After among them')
      const isFault = given.status === 500
      t.equal(given.headers['Content-Type'], isFault ? type : 'text/plain; charset=utf-8')
      if (!isFault) continue
      const text = /<(?:faultstring|soap:Text xml:lang="en")>([^<]*)</.exec(given.body)?.[1]
      t.equal(text?.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'), saidBy(ending))
      t.match(given.body, status < 500 ? /soap:(?:Client|Sender)</ : /soap:(?:Server|Receiver)</)
    }
  })

t.test('the HTML page links to the reset', async t => {
  t.match(
    told('html', resetNeeded(moved())).body,
    '<a href="https://git.example.com/_altgate/?account=fabrikam">',
  )
})

t.test('a directory name is not markup', async t => {
  const { body } = told('html', resetNeeded(moved(entra('"><b>&amp;'))))
  t.match(body, 'directory &#34;&#34;&#62;&#60;b&#62;&#38;amp;&#34;')
})

t.test('a directory name arrives in a header unchanged', async t => {
  const { headers } = told('soap', resetNeeded(moved(entra('100 % Größe + Co'))))
  t.match(decodeURIComponent(headers['X-TFS-ServiceError'] ?? ''), 'directory "100 % Größe + Co"')
  t.match(headers['X-TFS-ServiceError'], /^[\x21-\x7e]+$/)
})

t.test('no directory name breaks a dialect', async () => {
  fc.assert(
    fc.property(anyText({ maxLength: 100 }), directory => {
      const ending = resetNeeded(moved(entra(directory)))
      const [soap, rest, html] = [told('soap', ending), told('rest', ending), told('html', ending)]
      const lfs = told('lfs', ending)
      const headers = [soap, rest, html, lfs].flatMap(each => Object.values(each.headers)).join('')
      JSON.parse(rest.body)
      JSON.parse(lfs.body)
      return /^[ -~]*$/.test(headers) && !/[\p{Cf}\u007f-\u009f]/u.test(rest.body + html.body)
    }),
    { examples: [['\u001b[31m\u202e</p>\ud800'], ['"\r\nX: y']] },
  )
})

t.test('the URL of an account with its own host is that host', async t => {
  const hosts = { ...context, publicUrl: 'https://git.example.com:8443' }
  const naming: Naming = { by: 'host', suffix: '.example.com' }
  const { headers } = answerTo(askings.soap, resetNeeded(moved()), { ...hosts, naming })
  t.equal(headers['X-TFS-FedAuthRealm'], 'https://fabrikam.example.com:8443')
})

t.test('an error type is named after its outcome', async t => {
  t.match(JSON.parse(told('rest', resetNeeded(moved())).body), {
    typeName: 'Altgate.ResetNeededException',
    typeKey: 'ResetNeededException',
  })
})

t.test('a loop over reset-needed ends git-lfs, and no other client', async t => {
  const ending: Ending = { ...(resetNeeded(moved()) as ResetNeeded), tooOften: true }
  const { status, headers, body } = told('lfs', ending)
  t.equal(status, 403)
  t.equal(headers['WWW-Authenticate'], undefined)
  t.match(body, 'Reset needed')
  for (const dialect of ['text', 'soap', 'rest', 'html'] as const) t.equal(told(dialect, ending).status, 401)
})
