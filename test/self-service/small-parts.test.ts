import fc from 'fast-check'
import t from 'tap'
import { readFields } from '../../src/self-service/guard.ts'
import { foldUsername, msaScope, type AccountName } from '../../src/gateway/names.ts'
import { html } from '../../src/self-service/html.ts'
import { Html } from '../../src/common/html.ts'
import { en } from '../../src/self-service/messages/en.ts'
import { saved } from '../../src/self-service/pages/saved.ts'
import { createThrottle, usualLimits } from '../../src/self-service/throttle.ts'
import { heapGrowth } from '../support/heap-growth.ts'

t.test('no text can leave its place in a page', async t => {
  fc.assert(
    fc.property(fc.string(), text => {
      const { text: page } = html`<p title="${text}">${text}</p>`
      const inside = page.slice('<p title="'.length, -'</p>'.length)
      return inside.split('">').length === 2 && !/[<']/.test(inside)
    }),
  )
  t.equal(html`${undefined}${false}${0}${''}${[html`<b>`, '<']}`.text, '0<b>&lt;')
})

t.test('a form is read back as it was written', async () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme' }), { maxKeys: 20 }),
      fields => {
        const wellFormed = Object.entries(fields).every(pair => pair.every(each => each.isWellFormed()))
        const read = readFields(new URLSearchParams(fields).toString())
        return !wellFormed || JSON.stringify([...(read ?? [])]) === JSON.stringify(Object.entries(fields))
      },
    ),
  )
})

t.test('the saved page tells how git keeps two passwords, where a path names the account', async t => {
  const name = 'fabrikam' as AccountName
  const credential = {
    scope: msaScope,
    username: foldUsername('anna@example.com'),
    enabled: true,
    algorithm: 'argon2id',
    setAt: 0,
    confirmedAt: 0,
  }
  const page = (url: string) => {
    const { main } = saved({
      csrf: '',
      account: name,
      scopeName: { scope: msaScope },
      credential,
      url: new URL(url),
      made: undefined,
      advice: [],
    })
    return main instanceof Html ? main.text : main(en).text
  }
  t.match(page('https://git.example.com/fabrikam/'), 'credential.https://git.example.com.useHttpPath true')
  t.notMatch(page('https://fabrikam.example.com/'), 'useHttpPath')
})

t.test('a window is over when its time is, and what is refused says when', async t => {
  let now = 0
  const throttle = createThrottle({ ...usualLimits, signIns: { points: 2, seconds: 60 } }, () => now)
  const begin = () => throttle.count('signIns', '192.0.2.1')
  begin()
  now = 20_000
  begin()
  t.throws(begin, { name: 'TooManyRequests', retryAfter: 40 })
  t.doesNotThrow(() => throttle.count('signIns', '192.0.2.2'), 'others are counted by themselves')
  now = 60_000
  begin()
  begin()
  t.throws(begin, { name: 'TooManyRequests', retryAfter: 60 })
})

t.test('hundreds of thousands of unknown networks take no more memory than twenty thousand', async t => {
  const throttle = createThrottle(usualLimits, () => 0)
  const grown = await heapGrowth(() => {
    for (let at = 0; at < 300_000; at += 1) throttle.count('requests', `2001:db8:${at.toString(16)}::/64`)
  })
  t.ok(grown < 20e6, `${(grown / 1e6).toFixed(1)} MB`)
})
