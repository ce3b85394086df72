import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { isLoopback } from '../common/addresses.ts'
import { type Complaint, readDocument, type Tree } from './document.ts'
import { settle } from './judge.ts'
import { secret, text, whole, word } from './kinds.ts'
import { isGroup } from './overrides.ts'
import type { DeepReadonly } from './schema.ts'
import { jsonSchemaOf, shapeOf } from './shape.ts'

const share = {
  weight: whole(1, 1000).default(1).describe('How often it calls, compared with the callers beside it.'),
  path: text(
    'must be what comes after the address of the target, without a slash at its beginning',
    /^(?!\/)[^\s\\#]*$/u,
  )
    .default('')
    .describe(
      'What it asks for, after the address of the target: `welcome.git/info/refs?service=git-upload-pack`.',
    ),
}

const user = text('must be a user name, without a colon', /^[^\0\r\n:]+$/u).describe(
  'With `good` and `wrong`: the user name that it presents.',
)

/** The four kinds of callers. */
const caller = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z
        .literal('good')
        .describe(
          '`good`: presents `user` and `password`. `wrong`: `user` and another wrong password each time. `unknown`: another user name that nobody has each time. `anonymous`: presents nothing, as git does first.',
        ),
      user,
      password: secret('must be the password', /^[^\0\r\n]+$/u).meta({
        writeOnly: true,
        description: 'With `good`: its password. Give it as a reference.',
      }),
      expect: word('allow', 'reset-needed', 'disabled')
        .default('allow')
        .describe(
          'With `good`: how the gateway has to decide. Another decision is a defect, unless it puts the caller off (`throttled`, `busy`, `unavailable`).',
        ),
      ...share,
    }),
    z.strictObject({ kind: z.literal('wrong'), user, ...share }),
    z.strictObject({ kind: z.literal('unknown'), ...share }),
    z.strictObject({ kind: z.literal('anonymous'), ...share }),
  ],
  { error: 'must be "good", "wrong", "unknown" or "anonymous"' },
)

const target = z
  .strictObject({
    url: z
      .string({ error: 'must be an http or https address without user, query and fragment' })
      .refine(isPlainAddress, { error: 'must be an http or https address without user, query and fragment' })
      .describe(
        'Where its requests go: the address of an account, such as `https://git.example.com/fabrikam/`. It must be an Altgate: that is tried out, without a password, before anything else is sent.',
      ),
    plainHttp: word('refuse', 'allow')
      .default('refuse')
      .describe(
        'Whether passwords may travel over plain http to another machine, where everybody on the way can read them.',
      ),
    loadTestSecret: secret('must be at least 16 printable ASCII characters without blanks', /^[!-~]{16,}$/u)
      .exactOptional()
      .meta({
        writeOnly: true,
        description:
          'What the gateway has in `throttle.loadTest.secret`, so that this load bans nobody and is counted apart; it travels as `X-Altgate-Load-Test`. Give it as a reference.',
      }),
    callers: named(caller.describe('One caller, by the name that it has in the report.'), 'caller').describe(
      'Who calls, by name. Passwords belong to one target, so that choosing another never sends them astray.',
    ),
  })
  .refine(({ url, plainHttp }) => plainHttp === 'allow' || !URL.canParse(url) || isSafe(new URL(url)), {
    path: ['url'],
    error: 'must be https, or an address of this machine, or have plainHttp: allow beside it',
  })
  .describe('One deployment, by the name that the command line chooses it with.')

/** Every setting of `altgate bench`: the type, the manual and the JSON Schema are made from it. */
const benchSchema = z.strictObject({
  targets: named(target, 'target').describe(
    'Your deployments. Nothing but these can be tested: the command line only chooses among their names.',
  ),

  load: z
    .strictObject({
      ratesPerSecond: z
        .array(whole(1, 100_000), { error: 'must be a list of rates such as [50, 100]' })
        .min(1, { error: 'must hold one rate at least' })
        .default([50])
        .describe('Requests that are due in each second; of several rates one after the other.'),
      arrivals: word('poisson', 'uniform')
        .default('poisson')
        .describe(
          '`poisson`: independent of each other, as people and build machines come. `uniform`: at equal distances.',
        ),
      warmUpSeconds: whole(0, 3600)
        .default(5)
        .describe('How long the first rate is kept up before anything is counted.'),
      durationSeconds: whole(1, 86_400).default(60).describe('How long each rate is kept up.'),
      timeoutSeconds: whole(1, 3600)
        .default(10)
        .describe('How long an answer may take, counted from when its request was due.'),
      requestsInFlight: whole(1, 50_000)
        .default(1000)
        .describe(
          'Requests under way at once, each on a connection of its own. What is due above that waits, and its waiting counts.',
        ),
    })
    .prefault({})
    .describe('How many requests, and when. They come whether or not the ones before were answered.'),

  thresholds: z
    .strictObject({
      p99Ms: whole(1, 3_600_000)
        .exactOptional()
        .describe('The p99 of each `good` caller, at most. Left out: any will do.'),
      errorPercent: z
        .number({ error: 'must be a number from 0 to 100' })
        .min(0, { error: 'must be a number from 0 to 100' })
        .max(100, { error: 'must be a number from 0 to 100' })
        .exactOptional()
        .describe(
          'How many of the requests of each `good` caller may stay without the expected answer, at most. Left out: any number will do.',
        ),
    })
    .prefault({})
    .describe(
      'What makes the command fail (exit code 1), besides a defect: a decision that must not happen.',
    ),
})

/** The settings of a load test, checked: `targets` is the chosen one alone. */
export type BenchSettings = DeepReadonly<z.output<typeof benchSchema>>

/** A group whose members people name themselves: at least one. */
function named<Member extends z.ZodType>(member: Member, word: string) {
  const error = `must be a name for a ${word}: letters, digits and "-", at most 40`
  return z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/i), member, {
      error: issue => (issue.code === 'invalid_key' ? error : undefined),
    })
    .refine(members => Object.keys(members).length > 0, { error: `must name one ${word} at least` })
}

function isPlainAddress(value: string): boolean {
  return URL.canParse(value) && /^https?:\/\/[^\s\\@?#]+$/i.test(value)
}

/** Whether a password can be sent there without others reading it on its way. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || isLoopback(hostname)
}

interface BenchSource {
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the file's path starts. */
  readonly cwd: string
  /** The name of the target; without it the only one. */
  readonly target: string | undefined
}

/** `names`: the targets there are, because none was chosen or there is none of that name. */
export type LoadedBench =
  | { readonly settings: BenchSettings }
  | { readonly complaints: readonly Complaint[] }
  | { readonly names: readonly string[] }

/** What people may write in the settings of a load test. */
export const benchJsonSchema = jsonSchemaOf(benchSchema)

/** Reads the settings of a load test. Never throws for what people wrote. */
export function loadBenchSettings({ file, env, cwd, target }: BenchSource): LoadedBench {
  const path = resolve(cwd, file)
  const read = readDocument(path, file)
  if ('complaints' in read) return read

  const names = targetNames(read.tree)
  const chosen = target ?? (names.length === 1 ? names[0] : undefined)
  if (names.length > 0 && (chosen === undefined || !names.includes(chosen))) return { names }
  return settle(withOneTarget(read.tree, chosen), {
    schema: benchSchema,
    shape: shapeOf(benchJsonSchema),
    surroundings: { env, folder: dirname(path) },
    variables: new Map(),
    complaints: [],
  })
}

function targetNames(tree: Tree): readonly string[] {
  return isGroup(tree) && isGroup(tree['targets']) ? Object.keys(tree['targets']) : []
}

/** Whoever tests one deployment needs the secrets of that one only. */
function withOneTarget(tree: Tree, name: string | undefined): Tree {
  if (name === undefined || !isGroup(tree) || !isGroup(tree['targets'])) return tree ?? {}
  return { ...tree, targets: { [name]: tree['targets'][name] } }
}
