// Azure DevOps reports the null id for accounts without a directory, and all Microsoft accounts share one id. As a
// directory, either would be one scope for unrelated users.
import t from 'tap'
import { readDirectoryId, readScope } from '../../src/gateway/names.ts'

t.test('the null id and the id of all Microsoft accounts are not directories, in any spelling', async t => {
  for (const id of [
    '00000000-0000-0000-0000-000000000000',
    '9188040d-6c67-4c5b-b112-36a304b66dad',
    '9188040D-6C67-4C5B-B112-36A304B66DAD',
    'common',
    'organizations',
    '11111111-1111-4111-8111-111111111111, 22222222-2222-4222-8222-222222222222',
    '',
  ]) {
    t.equal(readDirectoryId(id), undefined, id)
    t.equal(readScope(id), undefined, id)
  }
})

t.test('a directory id is recognized in any case', async t => {
  const id = 'AAAAAAAA-1111-4111-8111-ABCDEFABCDEF'
  t.equal(readDirectoryId(id), id.toLowerCase())
  t.equal(readScope(id), id.toLowerCase())
})
