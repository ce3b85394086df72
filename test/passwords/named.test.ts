import t from 'tap'
import { passwordNameFault } from '../../src/passwords/named.ts'

t.test('a name may be in any script, but not change the line that it is printed in', async t => {
  for (const name of ['build-7', 'ビルド', 'שרת', 'é', '(x) <y>', '💥', 'x'.repeat(64)])
    t.equal(passwordNameFault(name), undefined, name)
  const wrong = [
    '\n',
    '\r',
    '\t',
    '\u001b',
    '\u0085',
    '\u009b',
    '\u200b',
    '\u202e',
    '\u2066',
    '\u2028',
    '\u2029',
    '\ud800',
  ]
  for (const character of wrong)
    t.match(passwordNameFault(`x${character}y`), 'control characters', character.charCodeAt(0).toString(16))
})
