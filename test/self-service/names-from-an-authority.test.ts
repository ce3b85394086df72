import t from 'tap'
import { foldUsername, msaScope, type Scope } from '../../src/gateway/names.ts'
import { primaryFault } from '../../src/passwords/usernames.ts'
import { usernameIn } from '../../src/self-service/authority.ts'

const directory = '11111111-1111-4111-8111-111111111111' as Scope
const ceo = 'ceo@fabrikam.example'

/** Names that a provider could be made to give an attacker, and that upstreams would be told. */
const doubles = [
  ['fullwidth letters', 'ｃｅｏ@fabrikam.example'],
  ['a fullwidth letter in the domain', 'ceo@ｆabrikam.example'],
  ['a fullwidth dot', 'ceo@fabrikam．example'],
  ['superscript letters', 'ᶜᵉᵒ@fabrikam.example'],
  ['letters of mathematics', '𝐜𝐞𝐨@fabrikam.example'],
  ['letters in circles', 'ⓒⓔⓞ@fabrikam.example'],
  ['a ligature', 'oﬃce@fabrikam.example'],
  ['a dotless i', 'mıke@fabrikam.example'],
  ['a long s', 'ſam@fabrikam.example'],
  ['a sharp s', 'weiß@fabrikam.example'],
  ['a blank of no width', 'ceo\u200b@fabrikam.example'],
  ['a joiner', 'c\u200deo@fabrikam.example'],
  ['a soft hyphen', 'c\u00adeo@fabrikam.example'],
  ['a change of direction', '\u202eceo@fabrikam.example'],
  ['a byte order mark', '\ufeffceo@fabrikam.example'],
  ['a blank that does not break', 'ceo\u00a0@fabrikam.example'],
  ['an ideographic blank', 'ceo@fabrikam.example\u3000'],
  ['a blank at the end', 'ceo@fabrikam.example '],
  ['a line break at the end', 'ceo@fabrikam.example\n'],
  ['a NUL', 'ceo@fabrikam.example\0'],
  ['half of a surrogate pair', 'ceo\ud800@fabrikam.example'],
  ['the other half', 'ceo\udc00@fabrikam.example'],
  ['a character of private use', 'ceo\ue000@fabrikam.example'],
  ['a colon', 'ceo:x@fabrikam.example'],
  ['two at signs', 'mallory@evil.example@fabrikam.example'],
  ['nothing before the at sign', '@fabrikam.example'],
] as const

t.test('a name that an upstream could take for another one is not taken from any claim', t => {
  for (const [what, name] of doubles) {
    t.equal(usernameIn(directory, { upn: name }), undefined, what)
    t.equal(usernameIn(directory, { preferred_username: name }), undefined, what)
    t.equal(usernameIn(msaScope, { email: name, email_verified: true }), undefined, what)
    t.equal(usernameIn(directory, { upn: name, preferred_username: 'm@x.example' }), 'm@x.example', what)
  }
  t.end()
})

t.test('every spelling of one name is that name, and names of all languages are names', t => {
  for (const name of [ceo, 'CEO@Fabrikam.Example', '\u212afoo@x.example', 'CAFE\u0301@x.example']) {
    t.equal(usernameIn(directory, { upn: name }), foldUsername(name))
  }
  t.equal(usernameIn(directory, { upn: 'cafe\u0301@x.example' }), 'caf\u00e9@x.example')
  for (const name of [
    'jörg@x.example',
    'οδος@x.example',
    'анна@x.example',
    '安娜@x.example',
    'o’neil@x.example',
  ])
    t.equal(usernameIn(directory, { upn: name }), name)
  t.end()
})

t.test('an address counts as verified only if the claim says so in a way that is known', t => {
  for (const [claims, isTaken] of [
    [{ email_verified: true }, true],
    [{ xms_edov: '1' }, true],
    [{ email_verified: true, xms_edov: true }, true],
    [{ email_verified: false, xms_edov: '0' }, false],
    [{ email_verified: 'false' }, false],
    [{ email_verified: [true] }, false],
    [{ email_verified: { '': true } }, false],
    [{ email_verified: 'yes' }, false],
    [{}, false],
  ] as const)
    for (const scope of [directory, msaScope])
      t.equal(usernameIn(scope, { email: ceo, ...claims }) === ceo, isTaken, JSON.stringify(claims))
  t.end()
})

t.test('what cannot be seen is in no name that an operator gives either', t => {
  for (const name of ['ceo\u200b@x.example', 'ceo\ud800@x.example', '\u202eceo@x.example'])
    t.match(primaryFault(name), 'invisible character')
  t.equal(primaryFault('weiß@x.example'), undefined, 'the operator knows who that is')
  t.end()
})
