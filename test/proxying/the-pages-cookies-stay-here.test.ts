import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'

t.test('no upstream gets the cookies of the page, and all others are passed on', async t => {
  const upstream = await recordingUpstream(t)
  const { url } = await runningServer(t, { upstream: upstream.url })
  for (const [sent, seen] of [
    ['__Host-altgate=secret; theme=dark; __Host-altgate-sign-in=secret', ['theme=dark']],
    ['altgate=secret', []],
    ['ALTGATE-x=secret;a=altgate', ['a=altgate']],
    ['a=1; b="x, y"', ['a=1; b="x, y"']],
    ['altgates=mine', ['altgates=mine']],
  ] as const) {
    const answer = await fetch(`${url}/fabrikam/x`, { headers: { authorization: basic(), cookie: sent } })
    await answer.text()
    t.strictSame(upstream.last().values('cookie'), seen, sent)
  }
})

t.test('no upstream can set a cookie of the page', async t => {
  const upstream = await recordingUpstream(t, (_, response) => {
    response.setHeader('set-cookie', [
      '__Host-altgate=planted; Path=/; Secure',
      'theme=dark',
      ' altgate-sign-in=planted',
      'altgate=planted; Path=/_altgate',
      'altgate =planted',
      '=altgate=planted; Path=/_altgate',
      ' = altgate-sign-in=planted',
      '=__Host-altgate=planted; Path=/; Secure',
    ])
    response.end()
  })
  const { url } = await runningServer(t, { upstream: upstream.url })
  const answer = await fetch(`${url}/fabrikam/x`, { headers: { authorization: basic() } })
  await answer.text()
  t.strictSame(answer.headers.getSetCookie(), ['theme=dark'])
})
