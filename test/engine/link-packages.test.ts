import t from 'tap'
import { wholeCollections } from '../support/whole-collections.ts'

t.test('a request with a body leaves nothing old behind, with everything that belongs to it', async t => {
  const whole = await wholeCollections(`
    import { once } from 'node:events'
    import { createServer } from 'node:http'
    import { Readable } from 'node:stream'
    import { Pool } from 'undici'
    const upstream = createServer((request, response) => request.resume().on('end', () => response.end()))
    await once(upstream.listen(0, '127.0.0.1'), 'listening')
    const pool = new Pool('http://127.0.0.1:' + upstream.address().port)
    class Body extends Readable { // Readable.from assigns functions itself
      _read() {
        this.push('a body')
        this.push(null)
      }
    }
    const post = () =>
      new Promise((onResponseEnd, reject) => {
        const belongings = new Array(2500).fill(0)
        const onResponseError = (controller, error) => reject(error)
        const handler = { belongings, onRequestStart() {}, onResponseStart() {}, onResponseData() {}, onResponseEnd, onResponseError }
        pool.dispatch({ method: 'POST', path: '/', body: new Body() }, handler)
      })
    await count(async turns => {
      for (let each = 0; each < turns; each++) await post()
    })
    await pool.close()
    upstream.close()`)
  t.ok(whole <= 2, `${whole} collections of the whole heap for 4,000 requests`)
})
