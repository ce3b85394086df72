import t from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'

const addresses = [
  '',
  'sqlite:',
  'sqlite://data/altgate.db',
  './data/altgate.db',
  'mysql://root:canary@db/altgate',
  'postgres://altgate:canary@db:port/altgate',
  'postgres://altgate:canary@[db/altgate',
  'postgres://altgate:canary@db/altgate?sslrootcert=/nowhere/canary.pem',
]

for (const address of addresses) {
  t.test(`the store's address cannot be '${address}'`, async t => {
    const error = await openStore({ url: new Secret(address) }).then(
      () => undefined,
      (refused: unknown) => refused,
    )
    t.match(error, { name: 'Error', message: /^The address of the store is not valid. Use sqlite:FILE/ })
    t.notMatch(String(error), 'canary')
    t.equal(error instanceof Error && error.cause, undefined)
  })
}

for (const address of [
  'postgres://altgate:canary@one,two/altgate?target_session_attrs=standby',
  'postgres://altgate:canary@one,,two/altgate',
  'postgres://altgate:canary@one,two:port/altgate',
  'postgres://altgate:canary@/altgate?host=one,two,three&port=1,2',
]) {
  t.test(`nor can '${address}'`, async t => {
    const error = await openStore({ url: new Secret(address) }).catch((refused: unknown) => refused)
    t.match(error, { message: /^The address of the store is not valid/ })
    t.notMatch(String(error), 'canary')
  })
}
