import t from 'tap'
import fc from 'fast-check'
import { accountNamed } from '../../src/gateway/account.ts'
import { ended } from '../../src/gateway/decision.ts'
import { readTarget } from '../../src/gateway/ask.ts'

const read = (target: string, host = 'git.example.com') => readTarget({ target, host })

t.test('an ordinary target is kept byte for byte', async t => {
  for (const target of [
    '/fabrikam/hello.git/info/refs?service=git-upload-pack',
    '/fabrikam/a%2Fb/%C3%A9//x;y=1?redirect=/../..\u0025zz&x=\u005B',
    '/fabrikam/.git/config',
    '/fabrikam/...',
    '/fabrikam/%C3%80%E0%A4%85%F0%9F%98%80/%C0.txt',
    '/fabrikam/a..b/c.',
    '/fabrikam/%252e%252e/x',
    '/fabrikam/x?path=\\CI|^{}"<>`[]%5c\\..\\',
    '/fabrikam/\xd0\xbf\xd1\x80.git/\xe9?path=/\xc3\xbc&x=\xff',
  ]) {
    const read_ = read(target)
    t.notOk(ended(read_), target)
    if (!ended(read_)) t.equal(read_.path + read_.query, target)
  }
})

const unclear: Record<string, string[]> = {
  'absolute-form': ['http://evil.example/fabrikam', '*', 'fabrikam/x', 'git.example.com:443', ''],
  'double-slash': ['//evil.example/fabrikam', '//'],
  backslash: ['/fabrikam\\..\\contoso/x', '/fabrikam/%5c..%5Ccontoso', '/\\evil.example', '/fabrikam\\x?y'],
  fragment: ['/fabrikam#/contoso', '/fabrikam?x=1#y'],
  'bad-escape': [
    '/fabrikam/%',
    '/fabrikam/%2',
    '/fabrikam/%zz',
    '/fabrikam/%u0041',
    // Overlong encodings.
    '/fabrikam/%c0%ae%c0%ae/contoso',
    '/fabrikam/%C0%AE./contoso',
    '/fabrikam/..%c0%afcontoso',
    '/fabrikam/..%c0%2fcontoso',
    '/fabrikam/..%c1%9ccontoso',
    '/fabrikam/%e0%80%ae%E0%80%AE/contoso',
    '/fabrikam/..%e0%80%afcontoso',
    '/fabrikam/..%e0%81%9ccontoso',
    '/fabrikam/..%f0%80%80%afcontoso',
    '/fabrikam/..%f8%80%80%80%afcontoso',
    '/fabrikam/..%fc%80%80%80%80%afcontoso',
    '/fabrikam/\xc0\xae\xc0\xae/contoso',
    '/fabrikam/..\xc0%afcontoso',
    '/fabrikam/..%c1\x9ccontoso',
    '/fabrikam/\xe0\x80\xae./contoso',
  ],
  'control-character': [
    '/fabrikam/%00',
    '/fabrikam/%0d%0aX:',
    '/fabrikam/%7f',
    '/fabrikam/\t',
    '/fabrikam/\x7f',
    '/fabrikam/\u0131',
    '/fabrikam/x?\u4e2d',
  ],
  'dot-segment': [
    '/fabrikam/../contoso',
    '/fabrikam/..',
    '/fabrikam/.',
    '/fabrikam/./',
    '/fabrikam/.//x',
    '/fabrikam/./../x',
    '/fabrikam/./%2e/x',
    '/fabrikam/./..;/x',
    '/fabrikam/%2e/x',
    '/fabrikam/%2e%2e/contoso',
    '/fabrikam/.%2E/contoso',
    '/fabrikam/..%2fcontoso',
    '/fabrikam%2f..%2fcontoso',
    '/fabrikam/..;/contoso',
    '/fabrikam/..;x=y/contoso',
    '/fabrikam/..%3bx/contoso',
    '/fabrikam/.;/x',
  ],
}
for (const [flaw, targets] of Object.entries(unclear)) {
  t.test(`${flaw}: a URL that can be parsed in two ways is refused, not normalized`, async t => {
    for (const target of targets) t.same(read(target), { outcome: 'unclear-target', flaw }, target)
  })
}

t.test('an invalid Host header is refused', async t => {
  for (const host of [
    'a b',
    'evil.example/x',
    'a@b',
    'a\\b',
    'a,b',
    '',
    ':',
    '[',
    'a:x',
    'a:99999',
    '1.2.3.4.5',
  ]) {
    t.same(read('/fabrikam', host), { outcome: 'unclear-target', flaw: 'host' }, host)
  }
  t.notOk(ended(read('/fabrikam', '[::1]:8080')))
})

/** A path without the plain `./` that are let through. */
const withoutSelves = (path: string) => path.replace(/\/\.(?=\/[^/])/g, '')

t.test('a plain ./ leads nowhere, so it is let through, though not in place of the account', async t => {
  for (const target of ['/fabrikam/./InRelease', '/fabrikam/deb/././x', '/fabrikam/./.hidden/./x?./..'])
    t.notOk(ended(read(target)), target)
  const asked = read('/./fabrikam/x')
  if (ended(asked)) throw new Error('host names may name the account')
  t.same(accountNamed(asked, { by: 'path' }), { outcome: 'unclear-target', flaw: 'dot-segment' })
  t.equal(
    accountNamed({ ...asked, host: 'fabrikam.example.com' }, { by: 'host', suffix: '.example.com' }),
    'fabrikam',
  )
})

t.test('an upstream’s URL parser resolves every accepted target to the same path', async t => {
  const piece = fc.constantFrom(
    '.',
    '..',
    '%2e',
    '%2E.',
    '/',
    '//',
    '\\',
    '%5c',
    '%2f',
    ';',
    'a',
    'fabrikam',
    '%',
    '%00',
    '?',
    '#',
    ' ',
    '\t',
    'é',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
      const target = `/${pieces.join('')}`
      const result = read(target)
      if (ended(result)) return
      const parsed = new URL(target, 'http://upstream.example')
      const path = result.path.replace(/[\x80-\xff]/g, encodeURIComponent)
      if (parsed.host !== 'upstream.example' || parsed.pathname !== withoutSelves(path))
        throw new Error(target)
    }),
    { numRuns: 5000 },
  )
  t.pass('5,000 combinations')
})

t.test('the account is the first segment of the path, in any case', async t => {
  const named = (target: string) => {
    const result = read(target)
    return ended(result) ? result : accountNamed(result, { by: 'path' })
  }
  t.equal(named('/fabrikam/hello.git'), 'fabrikam')
  t.equal(named('/Fabrikam?x'), 'fabrikam')
  t.same(named('/'), { outcome: 'no-account' })
  t.same(named('/-x/y'), { outcome: 'no-account' })
  t.same(named('/_altgate/x'), { outcome: 'no-account' })
  t.same(named(`/${'a'.repeat(64)}/y`), { outcome: 'no-account' })
  t.same(named('/f%61brikam/y'), { outcome: 'unclear-target', flaw: 'escaped-account' })
})

t.test('the account is the one label before the suffix of the host', async t => {
  const named = (host: string) => {
    const result = read('/contoso/x', host)
    return ended(result) ? result : accountNamed(result, { by: 'host', suffix: '.example.com' })
  }
  t.equal(named('fabrikam.example.com'), 'fabrikam')
  t.equal(named('Fabrikam.Example.COM:8443'), 'fabrikam')
  t.equal(named('fabrikam.example.com.'), 'fabrikam')
  t.equal(named('fabrikam.example.com.:8443'), 'fabrikam')
  for (const host of [
    'example.com',
    '.example.com',
    'a.b.example.com',
    'fabrikam.example.com.evil.example',
    'fabrikam.example.com..',
  ]) {
    t.same(named(host), { outcome: 'no-account' }, host)
  }
})
