import { appendFileSync, constants, copyFileSync, existsSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Progress } from '../bench/bench.ts'
import type { Plan } from '../bench/load.ts'
import type { Report } from '../bench/report.ts'
import { Failure } from '../common/failure.ts'
import type { BenchSettings } from '../settings/bench.ts'
import { rates, seconds } from './arguments.ts'
import { SettingsRefused, unwritable } from './failure.ts'
import { examples } from './help.ts'
import { note, say, sayJson, sayTable, strong } from './say.ts'
import { stopSignal } from './serve.ts'
import type { Toolbox } from './tools.ts'

const about = `
Sends requests to your own gateway at a fixed rate, whether or not earlier ones
have been answered, and measures each from the time it was due. Deployments,
callers and their passwords are in a settings file of their own: the one that
--config names, else ./bench.yaml. Only targets in that file can be tested.
Ctrl-C ends the test early and reports what was measured so far. Exit code 1 if
a caller got a wrong decision or a threshold of the file was missed.

To start: altgate bench --init writes a bench.yaml that fits the demo.`

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
    .argument('[TARGET]', 'which deployment in the file; optional if there is only one')
    .description('load-test your own deployment')
    .option(
      '--rate <N,...>',
      'requests per second, instead of ratesPerSecond; several run one after the other',
      rates,
    )
    .option('--duration <SECONDS>', 'how long to run each rate, instead of durationSeconds', seconds)
    .option('--json <FILE>', 'write the report as JSON; - prints it instead of the tables')
    .option('--html <FILE>', 'write the report as a single HTML file with plots')
    .option('--quiet', 'no progress on standard error')
    .option('--init', 'write an example settings file and exit')
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
    const plan = planOf(await settingsIn(file, target, command), options)
    await runBench(plan, outputsFor(options), options.quiet === true)
  })
}

async function runBench(plan: Plan, outputs: Outputs, quiet: boolean): Promise<void> {
  const { bench } = await import('../bench/bench.ts')
  const { progress, close } = await showProgress(quiet)
  const benched = await bench(plan, { stop: stopSignal(), progress }).finally(close)
  if ('refused' in benched) throw new Failure(refusal(plan, benched.refused))
  await outputs.write(benched.report)
  const { failures } = benched.report
  if (failures.length > 0) throw new Failure(failures.join(' '))
}

async function settingsIn(
  file: string,
  target: string | undefined,
  command: Command,
): Promise<BenchSettings> {
  if (!existsSync(file)) {
    const message = 'cannot be read: there is no such file; altgate bench --init writes an example'
    throw new SettingsRefused([{ path: file, message }])
  }
  const { loadBenchSettings } = await import('../settings/bench.ts')
  const loaded = loadBenchSettings({ file, env: process.env, cwd: process.cwd(), target })
  if ('complaints' in loaded) throw new SettingsRefused(loaded.complaints)
  if ('settings' in loaded) return loaded.settings
  const names = loaded.names.join(', ')
  // The argument is not repeated: it may be an address with a password.
  const sentence = target === undefined ? 'Choose a target' : 'TARGET must be in the settings file'
  return command.error(`error: ${sentence}. Targets in ${file}: ${names}`, { exitCode: 2 })
}

function planOf({ targets, load, thresholds }: BenchSettings, { rate, duration }: Options): Plan {
  const [chosen] = Object.entries(targets)
  if (chosen === undefined) throw new Error('the schema accepts no file without a target')
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
      : `answered ${refused.status} without X-Altgate-Outcome, so it is not an Altgate gateway, or something in front of it removes that header`
  return `The target ${name}, ${url}, ${found}. No load and no password were sent.`
}

function writeExample(file: string): void {
  const example = new URL('../../config/bench.example.yaml', import.meta.url)
  if (existsSync(file)) throw new Failure(`${file} already exists. Nothing was changed.`)
  try {
    copyFileSync(example, file, constants.COPYFILE_EXCL)
  } catch (error) {
    throw unwritable(file, error)
  }
  note(
    `Wrote ${file}. It fits the demo (npm start). Edit it for your own deployment, then run: altgate bench`,
  )
}

/** Shows the progress of a load test on standard error. */
interface ProgressShow {
  readonly progress: (progress: Progress) => void
  readonly close: () => void
}

/** A bar on a terminal, a line for each tenth elsewhere, nothing if `quiet`. */
async function showProgress(quiet: boolean): Promise<ProgressShow> {
  if (quiet) return { progress() {}, close() {} }
  return process.stderr.isTTY ? bar() : lines()
}

async function bar(): Promise<ProgressShow> {
  const { SingleBar } = await import('cli-progress')
  const bar = new SingleBar({
    format: '{bar} {percentage} % · {value} of {total} s · {done} requests · Ctrl-C stops it and reports',
    stream: process.stderr,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false, // it would exit at Ctrl-C, without a report
  })
  let started = false
  return {
    progress({ at, of, done }) {
      const [value, total] = [Math.floor(at / 1000), Math.round(of / 1000)]
      if (started) bar.update(value, { done })
      else bar.start(total, value, { done })
      started = true
    },
    close: () => bar.stop(),
  }
}

function lines(): ProgressShow {
  let tenths = 0
  return {
    progress({ at, of, done }) {
      const reached = Math.floor((10 * at) / of)
      if (reached <= tenths) return
      tenths = reached
      note(`${reached * 10} % · ${Math.floor(at / 1000)} of ${Math.round(of / 1000)} s · ${done} requests`)
    },
    close() {},
  }
}

/** Where the report goes. */
interface Outputs {
  write(report: Report): Promise<void>
}

interface OutputOptions {
  /** A file, or `-` for standard output instead of the tables. */
  readonly json?: string
  readonly html?: string
}

/** Checks that the files can be written before a test that may take an hour. Throws `Failure`. */
function outputsFor({ json, html }: OutputOptions): Outputs {
  for (const file of [json, html]) if (file !== undefined && file !== '-') touch(file)
  return {
    async write(report) {
      if (json === '-') sayJson(report)
      else await sayReport(report)
      if (json !== undefined && json !== '-') writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
      const { pageOf } = await import('../bench/page.ts')
      if (html !== undefined) writeFileSync(html, pageOf(report))
    },
  }
}

function touch(file: string): void {
  try {
    appendFileSync(file, '')
  } catch (error) {
    throw unwritable(file, error)
  }
}

async function sayReport(report: Report): Promise<void> {
  const words = await import('../bench/page.ts')
  const { target, load, countedSeconds, callers, steps } = report
  const rates = load.ratesPerSecond.map(words.whole).join(', ')
  say(strong(`${target.name}  ${target.url}`))
  say(`${rates} requests/s, ${load.arrivals}; ${words.whole(countedSeconds)} s measured`)
  say('')
  sayTable(
    ['caller', 'kind', ...words.figureHeadings],
    callers.map(each => [each.name, each.kind, ...words.figureCells(each)]),
  )
  if (steps.length > 1) {
    say('')
    sayTable(
      ['rate', ...words.figureHeadings],
      steps.map(each => [`${words.whole(each.ratePerSecond)}/s`, ...words.figureCells(each)]),
    )
  }
  say('')
  sayTable(
    ['caller', 'outcome', 'requests'],
    callers.flatMap(({ name, outcomes }) =>
      outcomes.map(each => [name, words.countName(each), words.whole(each.count)]),
    ),
  )
  for (const sentence of words.reservations(report)) say(`\n${sentence}`)
}
