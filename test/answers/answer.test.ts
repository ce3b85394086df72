import fc from 'fast-check'
import t, { type Test } from 'tap'
import { answer } from '../../src/answers/answer.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { anyText } from '../support/any-text.ts'
import { moved, named, refused, resetNeeded, settled, table } from '../support/endings.ts'
import { entra, msa } from '../support/world.ts'

const context = { requestId: '0123456789abcdef01234567', publicUrl: 'https://git.example.com' }

for (const [status, ending] of table) {
  t.test(`${named(ending)} is answered ${status}, as the contract says`, async t => {
    const given = answer(ending, context)
    t.equal(given.status, status)
    t.match(given.headers, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
      Vary: 'Authorization',
      'X-Altgate-Outcome': ending.outcome,
      'X-Request-Id': context.requestId,
    })
    t.equal(
      given.headers['WWW-Authenticate'],
      status === 401 ? 'Basic realm="fabrikam", charset="UTF-8"' : undefined,
      'a challenge on 401 and on nothing else',
    )
    t.equal(
      given.headers['Retry-After'],
      status === 429 || status === 503 ? String('retryAfter' in ending ? ending.retryAfter : 0) : undefined,
      'Retry-After on 429 and 503, and on nothing else',
    )
    readsWellInATerminal(t, given.body)
    t.notMatch(given.body, /anna|internal|subject|slot/i, 'neither the caller nor the upstream is named')
  })
}

function readsWellInATerminal(t: Test, body: string): void {
  const lines = body.split('\n')
  t.equal(lines.pop(), '', 'the last line has its end')
  t.equal(lines.at(-1), `Reference: ${context.requestId}`)
  t.ok(lines.length <= 10, 'at most ten lines')
  t.match(body, /^[\x20-\x7e\n]+$/, 'plain characters')
  for (const line of lines) if (!line.startsWith('https://')) t.ok(line.length <= 72, line)
}

t.test('a wrong name and a wrong password get the same answer, on an account that moved as well', async t => {
  for (const account of [settled, moved()])
    t.strictSame(answer(refused(account, 'mismatch'), context), answer(refused(account, 'absent'), context))
})

t.test('a client without the right password learns that the account moved, but not where to', async t => {
  const { body } = answer(refused(moved(), 'mismatch'), context)
  t.match(body, 'This account has moved.')
  t.notMatch(body, /Fabrikam Inc|Entra|2026/)
  t.notMatch(answer(refused(settled, 'mismatch'), context).body, 'moved')
})

t.test('reset-needed says what happened, when, and where to go', async t => {
  const { body, headers } = answer(resetNeeded(moved()), context)
  t.equal(
    body,
    `Reset needed: the account "fabrikam" has moved. Since 2026-11-20 it
signs in with Microsoft Entra ID, directory "Fabrikam Inc".
Your password was right for Microsoft accounts, but it no longer works
here. Set a new one on this page and run the command again:
https://git.example.com/_altgate/?account=fabrikam
Reference: 0123456789abcdef01234567
`,
  )
  t.equal(headers['X-VSS-AuthenticateError'], 'AccountMoved', 'which stops the .NET clients')
  t.match(
    answer(resetNeeded(moved(msa, entra('Old Inc'))), context).body,
    'it\nsigns in with Microsoft accounts.',
  )
})

t.test('git is told how to keep a password for each account, where a path names the account', async t => {
  const byPath = { ...context, naming: { by: 'path' } as const }
  const command = 'git config --global credential.https://git.example.com.useHttpPath true'
  for (const ending of [refused(settled, 'mismatch'), refused(moved(), 'absent'), resetNeeded(moved())]) {
    const { body } = answer(ending, byPath)
    t.match(body, `let git keep both:\n${command}\nReference: `)
    readsWellInATerminal(t, body)
    const byHost = { ...context, naming: { by: 'host', suffix: '.example.com' } as const }
    t.notMatch(answer(ending, byHost).body, 'useHttpPath')
  }
  t.strictSame(
    answer(refused(settled, 'mismatch'), byPath),
    answer(refused(settled, 'absent'), byPath),
    'whichever was wrong, and whatever is right elsewhere',
  )
  for (const [status, ending] of table)
    if (status !== 401 || ending.outcome === 'garbled' || ending.outcome === 'challenge')
      t.notMatch(answer(ending, byPath).body, 'useHttpPath')
})

t.test('a long directory name is cut, and the text still fits', async t => {
  const { body } = answer(resetNeeded(moved(entra('Very Long Name '.repeat(40)))), context)
  readsWellInATerminal(t, body)
})

t.test('Retry-After is a whole number of seconds, rounded up, never zero', async t => {
  const after = (retryAfter: number) =>
    answer({ outcome: 'busy', retryAfter }, context).headers['Retry-After']
  t.equal(after(1.2), '2')
  t.equal(after(0), '1')
})

t.test('names that operators set cannot move the cursor, reverse the text or split a header', async t => {
  const hostile = anyText({ maxLength: 100 })
  fc.assert(
    fc.property(hostile, hostile, hostile, (account, directory, former) => {
      const given = answer(
        resetNeeded({
          ...moved(entra(directory), entra(former)),
          name: account as AccountName,
        }),
        context,
      )
      const text = given.body.replaceAll('\n', '')
      const headers = Object.entries(given.headers).flat().join('')
      return (
        !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) && text.isWellFormed() && /^[\x20-\x7e]*$/.test(headers)
      )
    }),
    { examples: [['a"\r\nSet-Cookie: x=1', '\u001b[31m\u009b31m', '\u202egnp\u2066\ud800']] },
  )
  const { body } = answer(resetNeeded(moved(entra('\u001b[31mFabri\u202ekam\n'))), context)
  t.match(body, 'directory "[31mFabrikam"')
})
