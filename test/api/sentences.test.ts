import type { Command } from 'commander'
import t from 'tap'
import * as commands from '../../src/administration/problems.ts'
import { accountRoutes } from '../../src/api/accounts.ts'
import { credentialRoutes } from '../../src/api/credentials.ts'
import { peopleRoutes } from '../../src/api/people.ts'
import { routeOf, sentenceOf } from '../../src/api/sentences.ts'
import { storeRoutes } from '../../src/api/store.ts'
import { buildProgram } from '../../src/cli.ts'
import type { AccountName, DirectoryId, Scope, Username } from '../../src/gateway/names.ts'
import type { Problem } from '../../src/gateway/registry.ts'

const name = 'fabrikam' as AccountName
const directoryId = '72f988bf-86f1-41af-91ab-2d7cd011db47' as DirectoryId
const its = { username: 'anna+x@example.com' as Username, scope: 'msa' as Scope }
const msa = { kind: 'msa' } as const

/** One of each kind, or this does not compile. */
const problems: { readonly [Kind in Problem['problem']]: Extract<Problem, { readonly problem: Kind }> } = {
  'no-such-directory': { problem: 'no-such-directory', directoryId },
  'directory-exists': { problem: 'directory-exists', directoryId },
  'directory-in-use': { problem: 'directory-in-use', directoryId, accounts: [name] },
  'no-such-account': { problem: 'no-such-account', name },
  'account-exists': { problem: 'account-exists', name },
  'already-connected': { problem: 'already-connected', name, connection: msa },
  'nothing-to-undo': { problem: 'nothing-to-undo', name },
  'planned-already': { problem: 'planned-already', name, to: msa, on: '2027-01-31' },
  'no-planned-move': { problem: 'no-planned-move', name },
  'no-members': { problem: 'no-members', name },
  'no-such-member': { problem: 'no-such-member', name, username: its.username },
  'no-such-credential': { problem: 'no-such-credential', ...its },
  'no-such-password': { problem: 'no-such-password', ...its },
  'too-many-passwords': { problem: 'too-many-passwords', ...its },
  'password-name-taken': { problem: 'password-name-taken', name: 'ci' },
  'no-such-token': { problem: 'no-such-token', name: 'ci' },
  'token-name-taken': { problem: 'token-name-taken', name: 'ci' },
  blocked: { problem: 'blocked', ...its },
  'off-by-owner': { problem: 'off-by-owner', ...its },
  'not-linked': { problem: 'not-linked', scope: its.scope },
  'no-such-person': { problem: 'no-such-person', username: its.username },
  'username-taken': { problem: 'username-taken', ...its },
  unclaimed: { problem: 'unclaimed', ...its },
}

/** Of the program: a command, or an option of one. */
const ofCommands = /\baltgate [a-z]|(?:^|\s)--[a-z]/

const patterns = Object.keys({ ...accountRoutes, ...credentialRoutes, ...peopleRoutes, ...storeRoutes }).map(
  each => new RegExp(`^${routeOf(each).replaceAll(/:\w+/g, '[^/ ]+')}$`),
)

t.test('each refusal of the API names a route that there is, and no command', async t => {
  for (const each of Object.values(problems)) {
    const sentence = sentenceOf(each)
    t.notMatch(sentence, ofCommands, each.problem)
    const [named, method = '', path = ''] = /(?:: (GET|POST|DELETE) (\S+))?$/.exec(sentence) ?? []
    if (named) {
      const route = `${method} ${path.split('?', 1)[0]}`
      t.ok(
        patterns.some(pattern => pattern.test(route)),
        sentence,
      )
    } else t.match(sentence, /\.$/, each.problem)
  }
})

t.test('each refusal of a command names a command that there is, and no route', async t => {
  const program = await buildProgram()
  const isCommand = (words: readonly string[]): boolean => {
    let at: Command | undefined = program
    for (const word of words) {
      const below: Command | undefined = at?.commands.find(each => each.name() === word)
      if (below === undefined) return at !== program && at?.commands.length === 0
      at = below
    }
    return at?.commands.length === 0
  }
  for (const each of Object.values(problems)) {
    const sentence = commands.sentenceOf(each)
    t.notMatch(sentence, '/_altgate/', each.problem)
    const [, words] = /: altgate (.*)$/.exec(sentence) ?? []
    if (words !== undefined) t.ok(isCommand(words.split(' ')), sentence)
  }
})

t.test('what is in the way is told without either, for the console', async t => {
  for (const each of Object.values(problems)) {
    const fact = commands.factOf(each)
    t.notMatch(fact, ofCommands)
    t.notMatch(fact, '/_altgate/')
    t.match(fact, /\.$/)
  }
})
