import { chownSync, copyFileSync, chmodSync, writeFileSync, appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { idOfNobody, isRoot, query, startPostgres } from '../support/postgres.ts'
import { run, succeeded } from '../support/run.ts'

const directory = temporaryDirectory(t)
const server = await startPostgres(t)
const { certFile, keyFile } = await makeCertificate(directory)
const person = join(directory, 'person')
mkdirSync(person)
const key = [
  '-newkey',
  'ec',
  '-pkeyopt',
  'ec_paramgen_curve:P-256',
  '-nodes',
  '-keyout',
  join(person, 'key.pem'),
]
const subject = ['-subj', '/CN=altgate', '-days', '2', '-out', join(person, 'cert.pem')]
succeeded('openssl', await run('openssl', ['req', '-x509', ...key, ...subject]))

const data = join(server.directory, 'data')
const own = async (from: string, name: string) => {
  const to = join(data, name)
  copyFileSync(from, to)
  chmodSync(to, 0o600)
  if (isRoot) chownSync(to, await idOfNobody('--user'), await idOfNobody('--group'))
  return to
}
await own(certFile, 'server.crt')
await own(keyFile, 'server.key')
await own(join(person, 'cert.pem'), 'root.crt')
appendFileSync(join(data, 'postgresql.auto.conf'), "ssl = on\nssl_ca_file = 'root.crt'\n")
// Without TLS every connection is refused; with it by password, but into one database by certificate alone.
writeFileSync(
  join(data, 'pg_hba.conf'),
  'hostssl certified all 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 scram-sha-256\n',
)
await server.stop()
await server.start()
const verified = `sslmode=verify-full&sslrootcert=${certFile}`
await query(`${server.url}?${verified}`, 'create database certified')

async function told(url: string): Promise<string> {
  try {
    const store = await openStore({ url: new Secret(url) })
    await store.close()
    return 'open'
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
  }
}

const { port } = new URL(server.url)
const byName = server.url.replace('127.0.0.1', 'localhost')
const certified = `postgres://altgate@127.0.0.1:${port}/certified?${verified}`

for (const [what, url, expected] of [
  ['a certificate that is trusted, of the right host', `${server.url}?${verified}`, /^open$/],
  ['the same for several hosts', `${server.url.replace('@', '@127.0.0.1:1,')}?${verified}`, /^open$/],
  ['of another host', `${byName}?${verified}`, /ERR_TLS_CERT_ALTNAME_INVALID/],
  [
    'that has signed itself and is not trusted',
    `${server.url}?sslmode=verify-full`,
    /DEPTH_ZERO_SELF_SIGNED_CERT/,
  ],
  ['"require" checks it too', `${server.url}?sslmode=require`, /DEPTH_ZERO_SELF_SIGNED_CERT/],
  ['without TLS', server.url, /28000/],
  ['without TLS, said', `${server.url}?sslmode=disable`, /28000/],
  [
    'with a certificate of ours instead of a password',
    `${certified}&sslcert=${person}/cert.pem&sslkey=${person}/key.pem`,
    /^open$/,
  ],
  ['without it', certified, /28000/],
] as const)
  t.test(`PostgreSQL by TLS: ${what}`, async t => void t.match(await told(url), expected))
