import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadSettings } from '../../src/settings/load.ts'
import { editorSchema, manual } from '../../src/settings/manual.ts'
import { benchSchema } from '../../src/settings/bench.ts'
import { benchJsonSchema, jsonSchema, type JsonSchema } from '../../src/settings/json-schema.ts'
import { shape, shapeOf, type Shape } from '../../src/settings/shape.ts'

const config = new URL('../../config/', import.meta.url)
const fileText = (name: string) => readFileSync(new URL(name, config), 'utf8')

t.test('the manual and the JSON Schema are those of the schema (else: npm run settings:print)', async t => {
  t.equal(fileText('README.md'), manual())
  t.equal(fileText('gateway.schema.json'), editorSchema())
})

t.test('environment variables and references find what the JSON Schema has, and nothing else', async t => {
  t.strictSame(shape, shapeIn(jsonSchema))
  t.strictSame(shapeOf(benchSchema), shapeIn(benchJsonSchema))
})

/** The shape of a JSON Schema. */
function shapeIn(part: JsonSchema): Shape {
  const choices = part.anyOf ?? part.oneOf ?? [part]
  if (part.items !== undefined) return { kind: 'list', item: shapeIn(part.items) }
  if (choices.some(choice => choice.properties !== undefined)) {
    const members = choices.flatMap(choice => Object.entries(choice.properties ?? {}))
    return { kind: 'group', members: new Map(members.map(([key, member]) => [key, shapeIn(member)])) }
  }
  if (typeof part.additionalProperties === 'object')
    return { kind: 'group', members: new Map(), others: shapeIn(part.additionalProperties) }
  return {
    kind: 'value',
    verbatim: choices.every(choice => choice.type === 'string'),
    secret: part.writeOnly === true,
    followed: part.followed === true,
  }
}

t.test('every setting is described', async t => {
  const silent = placesOf(jsonSchema, '').filter(([, part]) => (part.description ?? '') === '')
  t.same(
    silent.map(([path]) => path),
    [],
  )
})

t.test('the manual has every setting and its variable', async t => {
  const text = manual()
  for (const leaf of leavesOf(shape, [])) {
    const path = listedAs(leaf)
    t.match(text, `**\`${path.join('.')}\`**`)
    t.match(text, `\`ALTGATE__${path.join('__').toUpperCase()}\``)
  }
})

/** A method in the place of another has the settings of the method for all. */
function listedAs(path: readonly string[]): readonly string[] {
  const at = path.indexOf('fallback')
  return at === -1 || path[at + 1] !== 'upstreamAuth' ? path : path.slice(at + 1)
}

t.test('the shipped files are accepted, each with what it promises', async t => {
  const cwd = new URL('..', config).pathname
  t.match(loadSettings({ file: 'config/development.yaml', env: {}, cwd }), {
    settings: { listen: { host: '127.0.0.1', port: 8080 }, workers: 1, redis: undefined, demo: {} },
  })
  const env = { ALTGATE_STORE_URL: 'postgres://a@b/c', ALTGATE_REDIS_URL: 'rediss://r' }
  t.match(loadSettings({ file: 'config/production.yaml', env, cwd }), {
    settings: { publicUrl: /^https:/, workers: 'auto', plainHttp: 'refuse', demo: undefined },
  })
  t.match(loadSettings({ file: 'config/production.yaml', env: {}, cwd }), {
    complaints: [
      { path: 'store.url', message: 'the environment variable ALTGATE_STORE_URL is not set' },
      { path: 'redis.url', message: 'the environment variable ALTGATE_REDIS_URL is not set' },
    ],
  })
})

/** Every setting; of a choice between groups, those that are in one group only. */
function placesOf(part: JsonSchema, path: string): readonly (readonly [string, JsonSchema])[] {
  return Object.entries(part.properties ?? {}).flatMap(([key, member]) => [
    [`${path}${key}`, member] as const,
    ...placesOf(member, `${path}${key}.`),
  ])
}

function leavesOf(place: Shape, path: readonly string[]): readonly (readonly string[])[] {
  if (place.kind !== 'group') return [path]
  return [...place.members].flatMap(([key, member]) => leavesOf(member, [...path, key]))
}
