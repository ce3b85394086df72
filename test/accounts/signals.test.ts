import t from 'tap'
import { readSignals } from '../../src/accounts/azure-devops.ts'

const a = '11111111-1111-4111-8111-111111111111'
const b = '22222222-2222-4222-8222-222222222222'
const zero = '00000000-0000-0000-0000-000000000000'
const msaTenant = '9188040d-6c67-4c5b-b112-36a304b66dad'
const passThrough = 'f8cdef31-a31e-4b4a-93e4-5f571e91255a'

const authorities = new Set(['login.microsoftonline.com', 'login.windows.net'])

const bearer = (tenant: string, host = 'login.microsoftonline.com') =>
  `Bearer authorization_uri=https://${host}/${tenant}`
const basic = 'Basic realm="https://tfsprodneu2.visualstudio.com/"'
const federated = 'TFS-Federated'

interface Case {
  readonly name: string
  readonly status?: number
  readonly challenges?: readonly string[]
  readonly tenants?: readonly string[]
  readonly says: string
}

/** In words: a directory id, `msa`, `none`, or why it is unknown. */
function read({ status = 401, challenges, tenants }: Case): string {
  const headers = {
    ...(challenges && { 'www-authenticate': challenges }),
    ...(tenants && { 'x-vss-resourcetenant': tenants }),
  }
  const answer = readSignals({ status, headers }, authorities)
  if (answer.found === 'directory') return answer.id
  return answer.found === 'unknown' ? answer.because : answer.found
}

const cases: readonly Case[] = [
  // An authority that is a directory.
  { name: 'the challenge of today', challenges: [bearer(a), basic, federated], tenants: [a], says: a },
  { name: 'an authority alone', challenges: [bearer(a), basic], says: a },
  { name: 'the older authority host', challenges: [bearer(a, 'login.windows.net')], says: a },
  {
    name: 'an authority in quotes',
    challenges: [`Bearer authorization_uri="https://login.windows.net/${a}"`],
    says: a,
  },
  { name: 'an authority with a longer path', challenges: [`${bearer(a)}/oauth2/authorize`], says: a },
  { name: 'an authority in capitals', challenges: [bearer(a.toUpperCase())], says: a },
  {
    name: 'an authority after other parameters',
    challenges: [`Bearer realm="a, b", authorization_uri="https://login.windows.net/${a}"`],
    says: a,
  },
  {
    name: 'all challenges on one line',
    challenges: [`${basic}, ${bearer(a)}, ${federated}`],
    tenants: [a],
    says: a,
  },
  { name: 'an authority beside [A, 0]', challenges: [bearer(a)], tenants: [a, zero], says: a },
  { name: 'a bare Bearer before an authority', challenges: ['Bearer', bearer(a)], says: a },
  { name: 'two equal authorities', challenges: [bearer(a), bearer(a, 'login.windows.net')], says: a },
  { name: 'a refusal', status: 403, challenges: [bearer(a)], tenants: [a], says: a },
  {
    name: 'a sign-in redirect that names the tenant',
    status: 302,
    challenges: [bearer(a), basic],
    tenants: [a],
    says: a,
  },
  { name: 'a sign-in page that names the tenant', status: 203, tenants: [a], says: a },
  { name: 'a public account', status: 200, tenants: [a], says: a },
  // The resource tenant alone.
  { name: 'a tenant alone', challenges: [basic], tenants: [a], says: a },
  { name: 'a tenant in capitals and blanks', tenants: [` ${a.toUpperCase()} `], says: a },
  { name: 'a tenant beside a bare Bearer', challenges: ['Bearer', basic], tenants: [a], says: a },
  {
    name: 'a tenant beside a general authority',
    challenges: [bearer('common')],
    tenants: [a],
    says: a,
  },
  { name: '[A, 0] on two lines', tenants: [a, zero], says: a },
  { name: '[0, A] on one line', tenants: [`${zero},${a}`], says: a },
  { name: 'A twice', tenants: [a, a], says: a },
  // Microsoft accounts.
  {
    name: 'the challenge of 2017',
    challenges: ['Basic realm="https://tfs.app.visualstudio.com/", Bearer, TFS-Federated'],
    tenants: [zero],
    says: 'msa',
  },
  { name: 'the zero id alone', tenants: [zero], says: 'msa' },
  { name: 'the tenant of Microsoft accounts', challenges: ['Bearer'], tenants: [msaTenant], says: 'msa' },
  // No account.
  { name: 'no such account', status: 404, says: 'none' },
  {
    name: 'no such account, challenged all the same',
    status: 404,
    challenges: ['Bearer', basic],
    tenants: [zero],
    says: 'none',
  },
  // Unknown: the signals contradict each other.
  { name: '[A, 0, B] on three lines', tenants: [a, zero, b], says: 'conflict' },
  { name: 'A,B on one line', tenants: [`${a},${b}`], says: 'conflict' },
  { name: 'authority A, tenant B', challenges: [bearer(a)], tenants: [b], says: 'conflict' },
  { name: 'authority A, tenants [A, B]', challenges: [bearer(a)], tenants: [a, b], says: 'conflict' },
  { name: 'authority A, the zero id', challenges: [bearer(a)], tenants: [zero], says: 'conflict' },
  { name: 'two authorities', challenges: [bearer(a), bearer(b)], tenants: [a], says: 'conflict' },
  { name: 'the zero id twice', tenants: [zero, zero], says: 'conflict' },
  { name: 'the zero id and that of Microsoft accounts', tenants: [zero, msaTenant], says: 'conflict' },
  { name: 'a directory and Microsoft accounts', tenants: [a, msaTenant], says: 'conflict' },
  {
    name: 'the zero id beside a general authority',
    challenges: [bearer('organizations')],
    tenants: [zero],
    says: 'conflict',
  },
  { name: 'a directory of an account that is not there', status: 404, tenants: [a], says: 'conflict' },
  {
    name: 'an authority of an account that is not there',
    status: 404,
    challenges: [bearer(a)],
    says: 'conflict',
  },
  // Unknown: not a directory.
  { name: 'common alone', challenges: [bearer('common'), basic], says: 'no-directory' },
  { name: 'organizations alone', challenges: [bearer('organizations')], says: 'no-directory' },
  { name: 'the zero id as authority', challenges: [bearer(zero)], says: 'no-directory' },
  {
    name: 'the tenant of Microsoft accounts as authority',
    challenges: [bearer(msaTenant)],
    tenants: [zero],
    says: 'no-directory',
  },
  { name: 'the pass-through tenant as authority', challenges: [bearer(passThrough)], says: 'no-directory' },
  {
    name: 'the pass-through tenant as authority beside a tenant',
    challenges: [bearer(passThrough)],
    tenants: [a],
    says: 'no-directory',
  },
  { name: 'the pass-through tenant as tenant', tenants: [passThrough], says: 'no-directory' },
  {
    name: 'a domain instead of an id',
    challenges: [bearer('contoso.com')],
    tenants: [a],
    says: 'no-directory',
  },
  // Unknown: cannot be read.
  {
    name: 'an unknown authority',
    challenges: [bearer(a, 'login.example.com')],
    tenants: [a],
    says: 'unreadable',
  },
  {
    name: 'a known authority as user name of another',
    challenges: [bearer(a, 'login.windows.net@example.com')],
    says: 'unreadable',
  },
  {
    name: 'an authority on another port',
    challenges: [bearer(a, 'login.windows.net:444')],
    says: 'unreadable',
  },
  {
    name: 'an authority over plain http',
    challenges: [`Bearer authorization_uri=http://login.windows.net/${a}`],
    says: 'unreadable',
  },
  {
    name: 'an authority that is no address',
    challenges: ['Bearer authorization_uri=elsewhere'],
    tenants: [a],
    says: 'unreadable',
  },
  { name: 'a tenant that is no id', tenants: ['contoso'], says: 'unreadable' },
  { name: 'an empty tenant', tenants: [''], says: 'unreadable' },
  { name: 'a tenant cut short', tenants: [`${a},`], says: 'unreadable' },
  // Unknown: no signal, or none that counts.
  { name: 'nothing at all', says: 'no-signal' },
  { name: 'a bare Bearer alone', challenges: ['Bearer', basic], says: 'no-signal' },
  {
    name: 'Bearer inside of a realm',
    challenges: [`Basic realm="x, Bearer authorization_uri=https://login.windows.net/${a}"`],
    says: 'no-signal',
  },
  { name: 'a redirect without a signal', status: 302, says: 'no-signal' },
  {
    name: 'an authority of another scheme',
    challenges: [`Basic authorization_uri=https://login.windows.net/${a}`],
    says: 'no-signal',
  },
  { name: 'too many questions', status: 429, challenges: [bearer(a)], tenants: [a], says: 'throttled' },
  { name: 'out of order, with a tenant', status: 503, challenges: [bearer(a)], tenants: [a], says: 'status' },
  { name: 'out of order, without', status: 500, says: 'status' },
  { name: 'a method that is not allowed', status: 405, tenants: [a], says: 'status' },
  { name: 'a request that was not understood', status: 400, tenants: [zero], says: 'status' },
]

for (const each of cases) {
  t.test(`the signals of ${each.name} mean ${each.says}`, async t => {
    t.equal(read(each), each.says)
  })
}
