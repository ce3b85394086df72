import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { describeDemo } from '../../src/demo/guide.ts'
import { authorities, claimsOf, people } from '../../src/demo/identity-pages.ts'
import { checkout } from '../support/program.ts'

const publicUrl = 'http://localhost:8080'
const plain = { colours: false, place: { checkout: '/opt/altgate', configFile: 'config/development.yaml' } }

t.test('the guide fits a terminal of 80 columns, and holds no colours for a file', async t => {
  for (const northwind of ['reset-needed', 'reset'] as const) {
    for (const signIn of ['ready', 'none', 'not-installed'] as const) {
      const lines = describeDemo({ publicUrl, northwind, signIn }, plain).split('\n')
      t.strictSame(
        lines.filter(line => line.length > 80),
        [],
      )
      t.notMatch(lines.join('\n'), '\u001b')
    }
  }
})

t.test('colours change nothing but the looks', async t => {
  const demo = { publicUrl, northwind: 'reset-needed', signIn: 'ready' } as const
  const coloured = describeDemo(demo, { ...plain, colours: true })
  t.match(coloured, '\u001b[1m')
  t.equal(stripVTControlCharacters(coloured), describeDemo(demo, plain))
})

t.test('it says that a reset is needed only until the credential is set', async t => {
  t.match(
    describeDemo({ publicUrl, northwind: 'reset-needed', signIn: 'ready' }, plain),
    /a reset is\s+needed/,
  )
  const later = describeDemo({ publicUrl, northwind: 'reset', signIn: 'ready' }, plain)
  t.notMatch(later, 'reset')
  t.match(later, 'was set on an earlier start')
})

t.test('a folder with blanks and quotes can be pasted', async t => {
  const guide = describeDemo(
    { publicUrl, northwind: 'reset-needed', signIn: 'ready' },
    { colours: false, place: { checkout: "/opt/anna's gate" } },
  )
  t.match(guide, String.raw`npm --prefix '/opt/anna'\''s gate' run`)
})

t.test('with settings of your own, the command names them, and nothing else is to be deleted', async t => {
  const own = {
    colours: false,
    place: { checkout: '/opt/altgate', configFile: '/etc/altgate/my settings.yaml' },
  }
  const guide = describeDemo({ publicUrl, northwind: 'reset-needed', signIn: 'none' }, own)
  t.match(guide, "credential set --config '/etc/altgate/my settings.yaml' ")
  t.notMatch(guide, '"data"')
  const environment = { colours: false, place: { checkout: '/opt/altgate' } }
  t.notMatch(describeDemo({ publicUrl, northwind: 'reset-needed', signIn: 'none' }, environment), '--config')
})

t.test('the reset is shown in the browser, or by a command where no sign-in is possible', async t => {
  const guide = (signIn: 'ready' | 'none' | 'not-installed') =>
    describeDemo({ publicUrl, northwind: 'reset-needed', signIn }, plain)
  t.match(guide('ready'), 'anna@example.com with the password anna-demo')
  t.match(guide('ready'), `${publicUrl}/_altgate/?account=northwind`)
  t.match(guide('ready'), 'credential set --config')
  t.match(guide('not-installed'), 'is not installed here')
  t.notMatch(guide('not-installed'), 'anna-demo')
  t.match(guide('none'), 'credential set --config')
})

t.test('beside containers the command runs in one of them', async t => {
  const guide = describeDemo(
    { publicUrl, northwind: 'reset-needed', signIn: 'none' },
    { colours: false, place: { composeFile: 'docker/compose.yaml' } },
  )
  t.match(guide, 'docker compose -f docker/compose.yaml exec -T gateway altgate')
  t.notMatch(guide, /npm|development/)
})

t.test('the user whom the manual names for the console is the one who signs in', t => {
  const manual = readFileSync(join(checkout, 'docs/api.md'), 'utf8')
  const [, directory, oid] = /directory: (c0a70500-\S+), oid: (\S+) \}/.exec(manual) ?? []
  const contoso = authorities.find(({ tenant }) => tenant === directory)
  const person = people.find(({ email }) => email === 'anna@example.com')
  if (contoso === undefined || person === undefined) throw new Error('the demo has neither')
  t.equal(claimsOf(person, contoso).oid, oid)
  t.end()
})
