import { inspect, format } from 'node:util'
import { pino } from 'pino'
import t from 'tap'
import { Secret } from '../../src/gateway/secret.ts'

const canary = 'correct horse battery staple'
const secret = new Secret(canary)

t.test('a secret reveals its characters only on request', async t => {
  t.equal(secret.reveal(), canary)
  t.equal(secret.isEmpty, false)
  t.equal(new Secret('').isEmpty, true)
})

const formatters: Record<string, (secret: Secret) => string> = {
  'a template literal': secret => `${secret as unknown as string}`,
  joining: secret => [secret].join(','),
  'String()': secret => String(secret),
  JSON: secret => JSON.stringify({ deep: { secret } }),
  inspect: secret => inspect({ secret }, { showHidden: true, depth: 9 }),
  format: secret => format('%s %o %O %j', secret, secret, secret, secret),
  'an error': secret => inspect(new Error('failed', { cause: secret })),
  pino: secret => {
    let line = ''
    pino({}, { write: text => void (line += text) }).info({
      secret,
      err: Object.assign(new Error('x'), { secret }),
    })
    return line
  },
}
for (const [name, print] of Object.entries(formatters)) {
  t.test(`${name} does not print a secret`, async t => {
    t.notMatch(print(secret), canary)
  })
}

t.test('secrets are equal if every character is', async t => {
  for (const [one, other, same] of [
    ['', '', true],
    [canary, canary, true],
    [canary, `${canary}.`, false],
    [canary, canary.replace('c', 'd'), false],
    ['a\u00e9', 'a\u00e9', true],
    // Of one length, and equal in their lower bytes.
    ['a\u00e9', 'a\u01e9', false],
  ] as const) {
    const secret = new Secret(one)
    t.equal(secret.is(other), same, `${one} and ${other}`)
    t.ok(secret.is(one))
    t.equal(secret.is(other), same, 'and the same when it was asked before')
    t.ok(secret.is(one))
  }
})
