import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import type { Key } from '../../src/gateway/key-ring.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { oldPassword } from '../support/old-passwords.ts'

const generated = createGeneratedPasswords(Buffer.alloc(32, 1))
const forged = (text: string) => generated.isForged(new Secret(text))
const made = () => generated.make().password.reveal()

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.split('')
const letter = fc.constantFrom(...alphabet)

/** The same text with another character in one place. */
function withAt(text: string, place: number, character: string): string {
  return text.slice(0, place) + character + text.slice(place + 1)
}

t.test('generated passwords have the form that scanners know, a valid checksum, and are unique', t => {
  const all = Array.from({ length: 1000 }, made)
  for (const text of all) {
    if (!/^agp_[0-9A-Za-z]{38}$/.test(text) || forged(text)) t.fail(text)
  }
  t.equal(new Set(all).size, 1000)
  t.end()
})

t.test('all characters of the alphabet are equally likely', async t => {
  const counted = new Map(alphabet.map(character => [character, 0]))
  for (let run = 0; run < 5000; run++) {
    for (const character of made().slice(4, 36)) counted.set(character, (counted.get(character) ?? 0) + 1)
  }
  // 2,581 each on average; a byte modulo 62 would give the first eight a quarter more.
  t.equal(counted.size, 62)
  for (const [character, count] of counted) t.ok(Math.abs(count - 2581) < 300, `${character}: ${count}`)
})

t.test('a mistyped character is always detected, in any position', async t => {
  const places = fc.integer({ min: 4, max: 41 })
  const slips = fc.string({ minLength: 1, maxLength: 2 })
  fc.assert(
    fc.property(places, fc.oneof(letter, slips), (place, slip) => {
      const text = made()
      const typed = withAt(text, place, slip)
      return typed === text || forged(typed)
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('swapped, missing and extra characters are detected', async t => {
  for (let run = 0; run < 300; run++) {
    const text = made()
    for (let place = 4; place < 41; place++) {
      const [one = '', other = ''] = text.slice(place, place + 2)
      const swapped = withAt(withAt(text, place, other), place + 1, one)
      if (swapped !== text && !forged(swapped)) t.fail(swapped)
      if (!forged(text.slice(0, place) + text.slice(place + 1))) t.fail('one too few')
      if (!forged(text.slice(0, place) + one + text.slice(place))) t.fail('one too many')
    }
  }
  t.pass()
})

t.test('a guess of the right form is forged', async t => {
  for (const length of [28, 38]) {
    const letters = fc.array(letter, { minLength: length, maxLength: length })
    fc.assert(
      fc.property(letters, each => forged(`agp_${each.join('')}`)),
      { numRuns: 3000 },
    )
  }
  t.ok(forged('agp_'))
  t.ok(forged(`${made()}\n`))
})

t.test('passwords of another store are forged here', async t => {
  const elsewhere = createGeneratedPasswords(randomBytes(32))
  t.ok(generated.isForged(elsewhere.make().password))
  t.notOk(
    createGeneratedPasswords(Buffer.alloc(32, 1)).isForged(generated.make().password),
    'the key is all it takes',
  )
})

t.test('a password that does not begin with agp_ is never forged', async t => {
  for (const text of ['', 'agp', 'AGP_x', ' agp_x', 'correct horse battery staple', made().slice(1)]) {
    t.notOk(forged(text), text)
  }
})

t.test('an older password, without a public part, is found and proved like the others', async t => {
  const password = new Secret(oldPassword(Buffer.alloc(32, 1)))
  t.notOk(generated.isForged(password))
  const read = generated.read(password)
  t.match(read, { id: /^[0-9A-Za-z]{10}$/, old: true })
  t.same(generated.read(password), read)
  t.notOk(password.reveal().includes(read?.id ?? ''), 'what is derived is no part of it')
  t.ok(generated.proves(password, generated.macOf(password)))
})

t.test('what the store keeps proves this password and no other, and does not contain it', async t => {
  const { password, id, mac } = generated.make()
  t.same(generated.read(password), { id, old: false })
  t.ok(generated.proves(password, mac))
  t.notOk(generated.proves(generated.make().password, mac))
  t.notOk(generated.proves(password, undefined))
  t.notOk(createGeneratedPasswords(randomBytes(32)).proves(password, mac), 'another key')
  t.notOk(mac.includes(password.reveal().slice(14)))
  t.equal(generated.read(new Secret('correct horse')), undefined)
})

t.test('a password that a connection keeps is judged anew when the keys change', async t => {
  const [old, young] = [
    { id: 1, bytes: new Uint8Array(32) },
    { id: 2, bytes: new Uint8Array(32).fill(2) },
  ]
  const ring: { current: Key; all: readonly Key[] } = { current: old, all: [old] }
  const generated = createGeneratedPasswords(ring)
  const { password } = generated.make()
  t.notOk(generated.isForged(password))
  Object.assign(ring, { current: young, all: [old, young] })
  t.notOk(generated.isForged(password))
  Object.assign(ring, { all: [young] })
  t.ok(generated.isForged(password))
})
