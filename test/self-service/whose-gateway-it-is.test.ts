import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readLogo } from '../../src/common/logo.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { Browser, titleOf } from './browser.ts'
import { aLab } from './lab.ts'

const svg = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

t.test('name, logo, support and a line of text stand on every page, and none of them is markup', async t => {
  const brand = {
    name: 'Contoso <b>Git</b>',
    logo: { type: 'image/svg+xml', bytes: Buffer.from(svg) },
    support: 'mailto:help@example.com',
    text: 'For staff of Contoso only. <script>alert(1)</script>',
  } as const
  const lab = await aLab(t, { change: () => ({ brand }) })
  for (const path of ['', '?account=contoso', 'nothing']) {
    const { text } = await new Browser().go(`${lab.url}/_altgate/${path}`)
    t.match(titleOf(text), ' – Contoso &lt;b&gt;Git&lt;/b&gt;')
    t.match(text, '<img src="/_altgate/logo" alt="" height="28"><span>Contoso &lt;b&gt;Git&lt;/b&gt;</span>')
    t.match(text, 'Help: <a href="mailto:help@example.com">help@example.com</a>')
    t.match(text, 'For staff of Contoso only. &lt;script&gt;')
    t.notMatch(text, '<script>alert')
  }
  const logo = await new Browser().ask(`${lab.url}/_altgate/logo`)
  t.equal(logo.status, 200)
  t.equal(logo.headers.get('content-type'), 'image/svg+xml')
  t.match(logo.headers.get('content-security-policy'), /^default-src 'none'.*; sandbox$/)
  t.equal(logo.headers.get('x-content-type-options'), 'nosniff')
  t.equal(logo.text, svg)
})

t.test('without settings it is Altgate, and there is no logo to ask for', async t => {
  const lab = await aLab(t)
  const { text } = await new Browser().go(`${lab.url}/_altgate/`)
  t.match(titleOf(text), ' – Altgate')
  t.notMatch(text, '<footer')
  t.equal((await new Browser().go(`${lab.url}/_altgate/logo`)).status, 404)
})

t.test('support is a link only where it is an address for people', async t => {
  for (const [support, shown] of [
    ['https://help.example.com/git', '<a href="https://help.example.com/git">help.example.com/git</a>'],
    ['javascript:alert(1)', 'Help: javascript:alert(1)'],
    ['mailto:a b@example.com', 'Help: mailto:a b@example.com'],
    ['the help desk, room 12', 'Help: the help desk, room 12'],
  ] as const) {
    const lab = await aLab(t, { change: () => ({ brand: { support } }) })
    t.match((await new Browser().go(`${lab.url}/_altgate/`)).text, shown)
  }
})

t.test('a logo is an SVG or a PNG by its content, and small', async t => {
  const file = join(temporaryDirectory(t), 'logo')
  const read = (bytes: string | Buffer) => {
    writeFileSync(file, bytes)
    return readLogo(file)
  }
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(10)])
  t.match(read(png), { type: 'image/png' })
  for (const text of [svg, '<svg/>', '\uFEFF<!-- a -->\n<svg >', '<!DOCTYPE svg><svg>'])
    t.match(read(text), { type: 'image/svg+xml' }, text)
  for (const text of ['', '<html><svg>', 'GIF89a', '<svga>'])
    t.strictSame(read(text), { flaw: 'is neither SVG nor PNG' }, text)
  t.strictSame(read(Buffer.concat([png, Buffer.alloc(256 * 1024)])), { flaw: 'is larger than 256 KiB' })
  t.match(readLogo(`${file}-not`), { flaw: /^cannot be read: / })
  t.strictSame(readLogo(join(file, '..')), { flaw: 'is not a file' })
})
