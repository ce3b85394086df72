import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { isLoopback } from '../common/addresses.ts'
import { type Complaint, readDocument, type Tree } from './document.ts'
import { settle } from './judge.ts'
import { secret, text, whole, word } from './kinds.ts'
import { isGroup } from './overrides.ts'
import type { DeepReadonly } from './schema.ts'
import { shapeOf } from './shape.ts'

const share = {
  weight: whole(1, 1000).default(1).describe('How often it calls, relative to the other callers.'),
  path: text(
    'must be a path relative to the address of the target, without a leading slash',
    /^(?!\/)[^\s\\#]*$/u,
  )
    .default('')
    .describe(
      'What it requests, relative to the address of the target: `welcome.git/info/refs?service=git-upload-pack`.',
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
          '`good`: presents `user` and `password`. `wrong`: `user` with a new wrong password each time. `unknown`: a new nonexistent user name each time. `anonymous`: presents nothing, as git does first.',
        ),
      user,
      password: secret('must be the password', /^[^\0\r\n]+$/u).meta({
        writeOnly: true,
        description: 'With `good`: its password. Give it as a reference.',
      }),
      expect: word('allow', 'reset-needed', 'disabled')
        .default('allow')
        .describe(
          'With `good`: the decision that the gateway must make. Any other one is a defect, unless it puts the caller off (`throttled`, `busy`, `unavailable`).',
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
      .string({ error: 'must be an http or https address without a user, query or fragment' })
      .refine(isPlainAddress, { error: 'must be an http or https address without a user, query or fragment' })
      .describe(
        'Where its requests go: the address of an account, such as `https://git.example.com/fabrikam/`. It must be an Altgate gateway: that is checked, without a password, before anything else is sent.',
      ),
    plainHttp: word('refuse', 'allow')
      .default('refuse')
      .describe(
        'Whether passwords may be sent to another machine over plain http, which exposes them in transit.',
      ),
    loadTestSecret: secret('must be at least 16 printable ASCII characters without spaces', /^[!-~]{16,}$/u)
      .exactOptional()
      .meta({
        writeOnly: true,
        description:
          'The value of `throttle.loadTest.secret` on the gateway, so that this load throttles no user and is counted separately. It is sent as `X-Altgate-Load-Test`. Give it as a reference.',
      }),
    callers: named(caller.describe('One caller, by its name in the report.'), 'caller').describe(
      'The callers, by name. Passwords belong to one target, so that they are never sent to another one.',
    ),
  })
  .refine(({ url, plainHttp }) => plainHttp === 'allow' || !URL.canParse(url) || isSafe(new URL(url)), {
    path: ['url'],
    error: 'must be https or an address of this machine, unless plainHttp is allow',
  })
  .describe('One deployment, by its name on the command line.')

/** Every setting of `altgate bench`: the type, the manual and the JSON Schema are made from it. */
export const benchSchema = z.strictObject({
  targets: named(target, 'target').describe(
    'Your deployments. Only these can be tested: the command line chooses one by name.',
  ),

  load: z
    .strictObject({
      ratesPerSecond: z
        .array(whole(1, 100_000), { error: 'must be a list of rates such as [50, 100]' })
        .min(1, { error: 'must contain at least one rate' })
        .default([50])
        .describe('Requests per second. Several rates run one after the other.'),
      arrivals: word('poisson', 'uniform')
        .default('poisson')
        .describe(
          '`poisson`: independent of each other, like real users and build machines. `uniform`: at equal intervals.',
        ),
      warmUpSeconds: whole(0, 3600)
        .default(5)
        .describe('How long the first rate runs before anything is counted.'),
      durationSeconds: whole(1, 86_400).default(60).describe('How long each rate runs.'),
      timeoutSeconds: whole(1, 3600)
        .default(10)
        .describe('How long an answer may take, from the time its request was due.'),
      requestsInFlight: whole(1, 50_000)
        .default(1000)
        .describe(
          'Most requests in progress at once, each on its own connection. Further requests wait, and the wait counts as latency.',
        ),
    })
    .prefault({})
    .describe('How many requests to send, and when, whether or not earlier ones have been answered.'),

  thresholds: z
    .strictObject({
      p99Ms: whole(1, 3_600_000)
        .exactOptional()
        .describe('Highest p99 of each `good` caller. Default: no limit.'),
      errorPercent: z
        .number({ error: 'must be a number from 0 to 100' })
        .min(0, { error: 'must be a number from 0 to 100' })
        .max(100, { error: 'must be a number from 0 to 100' })
        .exactOptional()
        .describe(
          'Highest percentage of requests of each `good` caller without the expected answer. Default: no limit.',
        ),
    })
    .prefault({})
    .describe(
      'What makes the command fail (exit code 1), in addition to a defect, which is a decision that must not happen.',
    ),
})

/** The settings of a load test, checked: `targets` is the chosen one alone. */
export type BenchSettings = DeepReadonly<z.output<typeof benchSchema>>

/** A group whose members have names chosen in the file: at least one. */
function named<Member extends z.ZodType>(member: Member, word: string) {
  const error = `must be a name for a ${word}: letters, digits and "-", at most 40`
  return z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/i), member, {
      error: issue => (issue.code === 'invalid_key' ? error : undefined),
    })
    .refine(members => Object.keys(members).length > 0, { error: `must name at least one ${word}` })
}

function isPlainAddress(value: string): boolean {
  return URL.canParse(value) && /^https?:\/\/[^\s\\@?#]+$/i.test(value)
}

/** Whether a password can be sent there without exposing it in transit. */
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

/** `names`: the existing targets, because none was chosen or the chosen one does not exist. */
export type LoadedBench =
  | { readonly settings: BenchSettings }
  | { readonly complaints: readonly Complaint[] }
  | { readonly names: readonly string[] }

/** Reads the settings of a load test. Never throws for invalid settings. */
export function loadBenchSettings({ file, env, cwd, target }: BenchSource): LoadedBench {
  const path = resolve(cwd, file)
  const read = readDocument(path, file)
  if ('complaints' in read) return read

  const names = targetNames(read.tree)
  const chosen = target ?? (names.length === 1 ? names[0] : undefined)
  if (names.length > 0 && (chosen === undefined || !names.includes(chosen))) return { names }
  return settle(withOneTarget(read.tree, chosen), {
    schema: benchSchema,
    shape: shapeOf(benchSchema),
    surroundings: { env, folder: dirname(path) },
    variables: new Map(),
    complaints: [],
  })
}

function targetNames(tree: Tree): readonly string[] {
  return isGroup(tree) && isGroup(tree['targets']) ? Object.keys(tree['targets']) : []
}

/** A test of one deployment needs only the secrets of that one. */
function withOneTarget(tree: Tree, name: string | undefined): Tree {
  if (name === undefined || !isGroup(tree) || !isGroup(tree['targets'])) return tree ?? {}
  return { ...tree, targets: { [name]: tree['targets'][name] } }
}
