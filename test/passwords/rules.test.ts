import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { anna, passwords } from '../../src/demo/people.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import { foldUsername } from '../../src/gateway/names.ts'
import { isAscii, isShort, passwordFlaw, passwordSentences } from '../../src/passwords/rules.ts'
import { oldPassword } from '../support/old-passwords.ts'
import { checkout } from '../support/program.ts'
import { run, succeeded } from '../support/run.ts'

const generated = createGeneratedPasswords(Buffer.alloc(32, 1))
const names = [foldUsername('Anna.Berg@example.com'), foldUsername('annie')]
const flawOf = (text: string) => passwordFlaw(readPassword(text), names, generated)

/** Passwords, and why each is refused. */
const chosen: readonly (readonly [string, Awaited<ReturnType<typeof flawOf>>])[] = [
  ['correct horse battery staple', undefined],
  ['ten letter', undefined],
  ['nine lett', 'too-short'],
  ['ŠĐČĆŽšđčćž', undefined],
  ['🐎🐎🐎🐎🐎', 'too-short'],
  ['', 'too-short'],
  ['x'.repeat(1024), undefined],
  ['x'.repeat(1025), 'too-long'],
  ['š'.repeat(513), 'too-long'],
  ['tabulators\tare typed by mistake', 'control-character'],
  ['nobody sees \u0085 this one', 'control-character'],
  ['anna.berg@example.com', 'same-as-username'],
  ['ANNA.BERG@Example.com', 'same-as-username'],
  ['Anna.Berg-2026!', 'same-as-username'],
  ['annie annie annie', 'same-as-username'],
  ['annieannie12345', 'same-as-username'],
  ['annie get your gun', undefined],
  ['7294016385', undefined],
  ['qwertyuiop', 'common'],
  ['QwertyUIOP', 'common'],
  ['1q2w3e4r5t6y', 'common'],
  ['agp_', 'looks-generated'],
  ['agp_chosen by somebody', 'looks-generated'],
]

for (const [text, flaw] of chosen) {
  t.test(`'${text.slice(0, 40)}' ${flaw === undefined ? 'may be chosen' : `is ${flaw}`}`, async t => {
    t.equal(await flawOf(text), flaw)
  })
}

t.test('a user name of digits is no password either', async t => {
  const digits = foldUsername('4915112345678')
  t.equal(await passwordFlaw(readPassword(digits), [digits], generated), 'same-as-username')
})

t.test('neither a generated password may be chosen, nor one that was mistyped', async t => {
  const made = generated.make().password
  for (const each of [made, readPassword(oldPassword(Buffer.alloc(32, 1)))])
    t.equal(await passwordFlaw(each, names, generated), 'generated')
  t.equal(await flawOf(made.reveal().slice(0, -1)), 'looks-generated')
  t.ok(isAscii(made))
  t.notOk(isShort(made))
})

t.test('whatever is typed is judged, and no sentence repeats it', async t => {
  const typed = fc.string({ unit: 'binary', maxLength: 1100 })
  await fc.assert(
    fc.asyncProperty(typed, async text => {
      const flaw = await flawOf(text)
      return flaw === undefined || passwordSentences[flaw] !== undefined
    }),
  )
  for (const sentence of Object.values(passwordSentences)) t.match(sentence, /^The password .*\.$/)
})

t.test('characters that tf cannot send, and short passwords, are worth advice', async t => {
  t.ok(isAscii(readPassword('~ every key of a plain keyboard !')))
  t.notOk(isAscii(readPassword('paßwörter')))
  t.notOk(isAscii(readPassword('typographer’s')))
  t.ok(isShort(readPassword('fourteen chars')))
  t.notOk(isShort(readPassword('fifteen letters')))
})

t.test('the passwords of the demo are allowed', async t => {
  for (const text of Object.values(passwords)) {
    t.equal(await passwordFlaw(readPassword(text), Object.values(anna), generated), undefined, text)
  }
})

t.test('the list of common passwords is not read before a password is chosen', async t => {
  const rules = readdirSync(join(checkout, 'src/passwords')).map(file => `./src/passwords/${file}`)
  const program = `
    import { registerHooks } from 'node:module'
    registerHooks({ load(url, context, next) {
      if (url.includes('zxcvbn')) process.stdout.write('read ')
      return next(url, context)
    } })
    for (const file of ${JSON.stringify(rules)}) await import(file)
    process.stdout.write('started ')
    const { commonPasswords } = await import('./src/passwords/common.ts')
    await commonPasswords()`
  const words = ['--input-type=module', '--eval', program]
  const printed = succeeded('the program', await run(process.execPath, words, { cwd: checkout }))
  t.match(printed, /^started (?:read )+$/)
})
