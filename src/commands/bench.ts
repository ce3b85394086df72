import { constants, copyFileSync, existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Plan } from '../bench/load.ts'
import type { BenchSettings } from '../settings/bench.ts'
import { loadBenchSettings } from '../settings/load-bench.ts'
import { showProgress } from './bench-progress.ts'
import { outputsFor, type Outputs } from './bench-report.ts'
import { Failure, SettingsRefused, unwritable } from './failure.ts'
import { examples } from './help.ts'
import { note } from './say.ts'
import { stopSignal } from './stop-signal.ts'
import type { Toolbox } from './tools.ts'
import { rates, seconds } from './words.ts'

const about = `
Sends requests to your own gateway at a fixed rate, whether or not the ones
before were answered, and counts each from when it was due. Deployments, callers
and their passwords are in a settings file of its own: the one that --config
names, else ./bench.yaml. Only what that file names can be tested. Ctrl-C ends
the test early, with the report of what was measured so far. Exit code 1 if a
caller was decided wrongly or a threshold of the file was missed.

To begin: altgate bench --init writes a bench.yaml that fits the demo.`

interface Options {
  readonly rate?: readonly number[]
  readonly duration?: number
  readonly json?: string
  readonly html?: string
  readonly quiet?: boolean
  readonly init?: boolean
}

/** `altgate bench`. */
export function addBenchCommand(program: Command, toolbox: Toolbox): void {
  const command = program
    .command('bench')
    .argument('[TARGET]', 'which deployment of the file; not needed if it names one only')
    .description('load-test your own deployment')
    .option(
      '--rate <N,...>',
      'requests a second, instead of ratesPerSecond; several one after the other',
      rates,
    )
    .option('--duration <SECONDS>', 'how long each rate is kept up, instead of durationSeconds', seconds)
    .option('--json <FILE>', 'write the report as JSON; - prints it instead of the tables')
    .option('--html <FILE>', 'write the report as a page with plots, in one file')
    .option('--quiet', 'no progress on standard error')
    .option('--init', 'write an example of the settings file, and do nothing else')
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'bench --init',
        'bench demo --rate 50,100,200 --duration 30',
        'bench production-eu --html report.html',
        'bench production-eu --quiet --json - | jq .callers',
      ),
    )
  command.action(async (target: string | undefined, options: Options) => {
    const file = toolbox.configFile ?? 'bench.yaml'
    if (options.init === true) return writeExample(file)
    const plan = planOf(settingsIn(file, target, command), options)
    await runBench(plan, outputsFor(options), options.quiet === true)
  })
}

async function runBench(plan: Plan, outputs: Outputs, quiet: boolean): Promise<void> {
  const { bench } = await import('../bench/bench.ts')
  const { progress, close } = showProgress(quiet)
  const benched = await bench(plan, { stop: stopSignal(), progress }).finally(close)
  if ('refused' in benched) throw new Failure(refusal(plan, benched.refused))
  await outputs.write(benched.report)
  const { failures } = benched.report
  if (failures.length > 0) throw new Failure(failures.join(' '))
}

function settingsIn(file: string, target: string | undefined, command: Command): BenchSettings {
  if (!existsSync(file)) {
    const message = 'cannot be read: there is no such file; altgate bench --init writes an example'
    throw new SettingsRefused([{ path: file, message }])
  }
  const loaded = loadBenchSettings({ file, env: process.env, cwd: process.cwd(), target })
  if ('complaints' in loaded) throw new SettingsRefused(loaded.complaints)
  if ('settings' in loaded) return loaded.settings
  const names = loaded.names.join(', ')
  // What was given instead may be an address with a password.
  const sentence = target === undefined ? 'Choose a target' : 'TARGET must be one that the file names'
  return command.error(`error: ${sentence}. In ${file} there are: ${names}`, { exitCode: 2 })
}

function planOf({ targets, load, thresholds }: BenchSettings, { rate, duration }: Options): Plan {
  const [chosen] = Object.entries(targets)
  if (chosen === undefined) throw new Error('the schema lets no file pass without a target')
  const [name, { url, callers, loadTestSecret }] = chosen
  return {
    target: { name, url, ...(loadTestSecret && { loadTestSecret }) },
    callers: Object.entries(callers).map(([name, caller]) => ({ name, ...caller })),
    load: {
      ...load,
      ...(rate && { ratesPerSecond: rate }),
      ...(duration !== undefined && { durationSeconds: duration }),
    },
    thresholds,
  }
}

function refusal({ target: { name, url } }: Plan, refused: { status: number } | { code: string }): string {
  const found =
    'code' in refused
      ? `does not answer (${refused.code})`
      : `answered ${refused.status} without X-Altgate-Outcome, so it is no Altgate, or something in front of it takes that header away`
  return `The target ${name}, ${url}, ${found}. No load and no password was sent.`
}

function writeExample(file: string): void {
  const example = new URL('../../config/bench.example.yaml', import.meta.url)
  if (existsSync(file)) throw new Failure(`There is a file ${file} already, so nothing was changed.`)
  try {
    copyFileSync(example, file, constants.COPYFILE_EXCL)
  } catch (error) {
    throw unwritable(file, error)
  }
  note(`Wrote ${file}. It fits the demo (npm start); put your own deployment in, then: altgate bench`)
}
