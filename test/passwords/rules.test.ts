import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { anna, passwords } from '../../src/demo/people.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import { foldUsername } from '../../src/gateway/names.ts'
import { flawText, isAscii, isShort, passwordFlaw, type PasswordOwner } from '../../src/passwords/rules.ts'
import { shortestPassword } from '../../src/passwords/common.ts'
import { anyText } from '../support/any-text.ts'
import { checkout } from '../support/program.ts'
import { run, succeeded } from '../support/run.ts'

const generated = createGeneratedPasswords(Buffer.alloc(32, 1))
const owner: PasswordOwner = {
  usernames: [foldUsername('Anna.Berg@example.com'), foldUsername('annie')],
  places: ['fabrikam', 'Contoso Robotics'],
  publicUrl: 'https://git.wideworld.example:8443',
}
const flawOf = (text: string) => passwordFlaw(readPassword(text), owner, generated)
const reasonOf = async (text: string) => (await flawOf(text))?.reason

/** Passwords, and why each is refused. */
const chosen: readonly (readonly [string, Awaited<ReturnType<typeof reasonOf>>])[] = [
  ['correct horse battery staple', undefined],
  ['ten letter', 'few-words'],
  ['nine lett', 'too-short'],
  ['ŠĐČĆŽšđčćž', undefined],
  ['🐎🐎🐎🐎🐎', 'too-short'],
  ['', 'too-short'],
  ['unrelated '.repeat(102) + 'ends', 'repeat'],
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
  ['7294016385', 'date'],
  ['qwertyuiop', 'common'],
  ['QwertyUIOP', 'common'],
  ['1q2w3e4r5t6y', 'common'],
  ['password123456', 'like-common'],
  ['Password2026', 'like-common'],
  ['P@ssw0rd2026!', 'like-common'],
  ['aaaaaaaaaa', 'repeat'],
  ['abcabcabcabc', 'repeat'],
  ['0123456789', 'sequence'],
  ['zyxwvutsrqp', 'sequence'],
  ['31.12.1999', 'date'],
  ['qwertzuiopü', 'keyboard'],
  ['Contoso2026!', 'same-as-names'],
  ['c0nt0s0-r0b0tics', 'same-as-names'],
  ['fabrikam-fabrikam', 'same-as-names'],
  ['mak1rbaf2026', 'same-as-names'],
  ['WideWorld#1', 'same-as-names'],
  ['altgate-altgate', 'same-as-names'],
  ['grebanna1984', 'same-as-username'],
  ['4nn@.B3rg', 'too-short'],
  ['4nn@.B3rg.4nn@', 'same-as-username'],
  ['fabrikam wants purple otters', undefined],
  ['agp_', 'looks-generated'],
  ['agp_chosen by somebody', 'looks-generated'],
]

for (const [text, flaw] of chosen) {
  t.test(`'${text.slice(0, 40)}' ${flaw === undefined ? 'may be chosen' : `is ${flaw}`}`, async t => {
    t.equal(await reasonOf(text), flaw)
  })
}

t.test('a user name of digits is no password either', async t => {
  const digits = foldUsername('4915112345678')
  t.match(await passwordFlaw(readPassword(digits), { ...owner, usernames: [digits] }, generated), {
    reason: 'same-as-username',
    degree: 'trivial',
  })
})

t.test('neither a generated password nor a mistyped one may be chosen', async t => {
  const made = generated.make().password
  t.match(await passwordFlaw(made, owner, generated), { reason: 'generated', degree: 'useless' })
  t.match(await flawOf(made.reveal().slice(0, -1)), { reason: 'looks-generated', degree: 'useless' })
  t.ok(isAscii(made))
  t.notOk(isShort(made))
})

t.test('whatever is typed is judged, and no sentence repeats it', async () => {
  const typed = anyText({ maxLength: 1100 })
  await fc.assert(
    fc.asyncProperty(typed, async text => {
      const flaw = await flawOf(text)
      return flaw === undefined || /^The password .*\.$/.test(flawText(flaw))
    }),
    { numRuns: 50 },
  )
})

t.test('characters that tf cannot send, and short passwords, are worth advice', async t => {
  t.ok(isAscii(readPassword('~ every key of a plain keyboard !')))
  t.notOk(isAscii(readPassword('paßwörter')))
  t.notOk(isAscii(readPassword('typographer’s')))
  t.ok(isShort(readPassword('fourteen chars')))
  t.notOk(isShort(readPassword('fifteen letters')))
})

t.test('the password that the guide of the demo proposes is allowed', async t => {
  const whose = { usernames: Object.values(anna), places: ['northwind', 'Northwind'], publicUrl: 'http://x' }
  t.equal(await passwordFlaw(readPassword(passwords.northwind), whose, generated), undefined)
})

t.test('a long passphrase is allowed, however common its words are', async t => {
  for (const text of [
    'the old man and the sea',
    'coffee table window monday',
    'I like to eat two apples a day',
    'ein-Haus-am-See-im-Mai',
    'correcthorsebatterystaple',
    'constructor of __proto__ objects',
  ])
    t.equal(await flawOf(text), undefined, text)
})

t.test('names that every object has are words like others', async t => {
  for (const text of ['constructor', 'c0nstruct0r', 'rotcurtsnoc', '__proto__', '__pr0t0__', '__otorp__'])
    for (const password of [
      text.padEnd(shortestPassword, '1'),
      `${text} ${text}`,
      text.toUpperCase().repeat(9),
    ])
      t.type((await reasonOf(password)) ?? 'allowed', 'string', password)
  t.equal(await reasonOf('constructor'), 'few-words')
})

t.test('an estimate takes a bounded time, whatever is typed', async t => {
  await flawOf('the word lists are loaded first')
  const hostile = [
    '4@8([{<6|)3#',
    '1!|l7i',
    'uuvv2n2u|_|',
    '12/3/45',
    'constructor',
    'pA$$w0rd',
    '(((((((',
    '\u0130',
  ]
  for (const text of hostile) {
    const password = text.repeat(100).slice(0, 500)
    const before = process.cpuUsage() // its thread is counted as well; what else the machine does is not
    await flawOf(password)
    const { user, system } = process.cpuUsage(before)
    t.ok((user + system) / 1000 < 1000, `${text}: milliseconds, not minutes`)
  }
})

t.test('what would help is said, unless the password could never work', async t => {
  t.match(
    flawText({ reason: 'repeat', degree: 'trivial' }),
    /^The password repeats .*\. Add another unrelated word, or let Altgate generate a password\.$/,
  )
  t.notMatch(flawText({ reason: 'looks-generated', degree: 'useless' }), 'Add another')
})

t.test('what falls to guesses at the gateway is told from what is only weak', async t => {
  const degrees = [
    ['password123456', 'trivial'],
    ['Password2026', 'trivial'],
    ['aaaaaaaaaa', 'trivial'],
    ['anna-123456', 'trivial'],
    ['annie-canary', 'weak'],
    ['canary-old', 'weak'],
    ['ten letter', 'weak'],
    ['nine lett', 'weak'],
  ] as const
  for (const [text, degree] of degrees) t.equal((await flawOf(text))?.degree, degree, text)
})

t.test('the word lists are not read before a password is chosen', async t => {
  const rules = readdirSync(join(checkout, 'src/passwords'))
    .filter(file => file !== 'estimator.ts') // the program of the thread
    .map(file => `./src/passwords/${file}`)
  const program = `
    import { registerHooks } from 'node:module'
    registerHooks({ load(url, context, next) {
      if (/zxcvbn|estimator/.test(url)) process.stdout.write('read ')
      return next(url, context)
    } })
    for (const file of ${JSON.stringify(rules)}) await import(file)
    process.stdout.write('started ')
    const { estimatesOf } = await import('./src/passwords/strength.ts')
    const [{ guesses }] = await estimatesOf(['password'])
    process.stdout.write('guesses: ' + (guesses < 100))`
  const words = ['--input-type=module', '--eval', program]
  const printed = succeeded('the program', await run(process.execPath, words, { cwd: checkout }))
  t.equal(printed, 'started guesses: true', 'nor ever in this thread')
})
