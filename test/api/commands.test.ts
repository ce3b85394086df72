import type { Command } from 'commander'
import t from 'tap'
import { buildProgram } from '../../src/cli.ts'
import { accountRoutes } from '../../src/api/accounts.ts'
import { credentialRoutes } from '../../src/api/credentials.ts'
import { peopleRoutes } from '../../src/api/people.ts'
import { storeRoutes } from '../../src/api/store.ts'

/** What the API has in the place of each command. */
const inApi: Readonly<Record<string, readonly string[]>> = {
  status: ['GET /status'],
  'directory add': ['POST /directories'],
  'directory set': ['POST /directories/:id'],
  'directory remove': ['DELETE /directories/:id'],
  'directory list': ['GET /directories'],
  'account add': ['POST /accounts'],
  'account set': ['POST /accounts/:name'],
  'account connect': ['POST /accounts/:name/move'],
  'account disconnect': ['POST /accounts/:name/move'],
  'account members': ['GET /accounts/:name/members', 'POST /accounts/:name/members'],
  'account remove': ['DELETE /accounts/:name'],
  'account show': ['GET /accounts/:name'],
  'account list': ['GET /accounts'],
  'move plan': ['GET /accounts/:name/move', 'POST /accounts/:name/move/plan'],
  'move cancel': ['DELETE /accounts/:name/move/plan'],
  'move rehearse': ['GET /accounts/:name/move/rehearsal'],
  'move inventory': ['GET /inventory'],
  'move apply': ['POST /accounts/:name/move'],
  'move undo': ['POST /accounts/:name/move/undo'],
  inventory: ['GET /inventory'],
  'credential set': ['POST /credentials'],
  'credential enable': ['POST /credentials/:scope/:user/enable'],
  'credential disable': ['POST /credentials/:scope/:user/disable'],
  'credential list': ['GET /credentials'],
  'credential show': ['GET /credentials/:scope/:user'],
  'credential password add': ['POST /credentials/:scope/:user/passwords'],
  'credential password list': ['GET /credentials/:scope/:user/passwords'],
  'credential password revoke': ['POST /credentials/:scope/:user/passwords/revoke'],
  'credential sign-out': ['POST /credentials/:scope/:user/sign-out', 'POST /sign-ins/end'],
  'credential unlink': ['POST /credentials/:scope/:user/unlink'],
  'credential remove': ['DELETE /credentials/:scope/:user'],
  'credential import': ['POST /credentials/import'],
  'credential export': ['GET /export'],
  'person block': ['POST /people/:user/block'],
  'person unblock': ['POST /people/:user/unblock'],
  'session revoke': ['POST /sessions/revoke'],
  history: ['GET /changes'],
  recent: ['GET /refusals'],
  'store export': ['GET /export'],
  explain: ['GET /explain', 'GET /refusals/:reference'],
}

/** Why the API cannot do what these commands do; docs/api.md says the same. */
const atTheMachine: Readonly<Record<string, string>> = {
  serve: 'it starts the gateway that has the API',
  reload: 'it reads files of the machine',
  check: 'it reads files of the machine',
  settings: 'it reads files of the machine',
  bench: 'it loads the gateway from outside',
  completion: 'it is for a shell',
  man: 'it is for a shell',
  token: 'a leaked token would make another one, and outlive its revocation',
  keys: 'with a key, all that it has made can be made anew or ended',
  backup: 'it holds every hash and key of the store',
  restore: 'it replaces every hash and key of the store',
  'store init': 'there is no API without a store',
  'store restored': 'it belongs to a restore by other tools',
}

t.test('the API has every command, or there is a reason', async t => {
  const routes = { ...accountRoutes, ...credentialRoutes, ...peopleRoutes, ...storeRoutes }
  const missing = (await leaves()).filter(
    name => inApi[name] === undefined && reasonFor(name, atTheMachine) === undefined,
  )
  t.strictSame(missing, [])
  t.strictSame(
    Object.values(inApi)
      .flat()
      .filter(each => routes[each] === undefined),
    [],
    'each of these routes exists',
  )
})

function reasonFor(name: string, reasons: Readonly<Record<string, string>>): string | undefined {
  return reasons[name] ?? reasons[name.split(' ')[0] ?? '']
}

/** All commands that do something, as they are typed. */
async function leaves(): Promise<readonly string[]> {
  const below = (command: Command, path: string): readonly string[] =>
    command.commands.flatMap(each => {
      const name = `${path} ${each.name()}`.trim()
      return each.commands.length === 0 ? [name] : below(each, name)
    })
  return below(await buildProgram(), '')
}
