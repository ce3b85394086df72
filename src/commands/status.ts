import { setTimeout as delay } from 'node:timers/promises'
import { styleText } from 'node:util'
import type { Command } from 'commander'
import { Failure } from '../common/failure.ts'
import { Outage } from '../gateway/outage.ts'
import type { Settings } from '../settings/schema.ts'
import { type StatusDocument, type Unknown, viewOfStore } from '../status/document.ts'
import { type Line, screen, type Shown } from '../status/screen.ts'
import { askGateway, statusJson, wholeStatus } from '../status/whole.ts'
import { outageSentence } from './failure.ts'
import { examples } from './help.ts'
import { showRepeatedly } from './redraw.ts'
import { say, sayJson, screenWidth } from './say.ts'
import type { Toolbox, Tools } from './tools.ts'

const about = `
Shows the gateway of these settings on this machine, which it asks by its
operations port, and all gateways with the same store: versions, decisions a
second by outcome, cache hits, the hash queue, which parts are up or down and
since when, the last moves and refusals, and when certificates end. What cannot
be found out is shown as unknown, with the reason.

With --watch it is drawn anew every two seconds until q or Ctrl-C; where that
is not possible, one state follows the other. With --watch --json each state is
one line. The same is shown, without names, by the page /status on the
operations port.

Exit code 0 if the gateway is ready, 1 if it is not or none answers; what the
store knows is shown all the same. With --watch it is 0.`

interface Options {
  readonly watch?: true
  readonly json?: true
}

/** Milliseconds between two states of `--watch`. */
const everyMs = 2000

/** `altgate status`: how the gateway and its fleet are. */
export function addStatusCommand(program: Command, toolbox: Toolbox): void {
  program
    .command('status')
    .description('show how the gateways are: load, parts, last moves and refusals')
    .option('--watch', 'keep showing it, drawn in place')
    .option(
      '--json',
      'print a JSON object: at, gateway, last10s, last60s, hashing, parts, gateways, moves, refusals, certificates, charts',
    )
    .addHelpText('after', about)
    .addHelpText('after', examples('status', 'status --watch', 'status --json'))
    .action(async ({ watch, json }: Options) => {
      const settings = toolbox.settings()
      await (watch ? keepShowing(toolbox, settings, json) : showOnce(toolbox, settings, json))
    })
}

async function showOnce(toolbox: Toolbox, settings: Settings, json: true | undefined): Promise<void> {
  const store = holdStore(toolbox)
  const [told] = await Promise.all([askGateway(settings.operations), store.opened])
  const shown = await look(settings, told, store)
  if (json) sayJson(statusJson(shown))
  else for (const line of screen(shown, { columns: screenWidth() })) say(styled(line))
  const isClosed = await store.close()
  const trouble = troubleOf(shown.told, settings)
  if (trouble === undefined && !isClosed) process.exit(0) // a store that hangs would keep the process alive
  if (trouble === undefined) return
  if (isClosed) throw new Failure(trouble)
  process.stderr.write(`altgate: ${trouble}\n`)
  process.exit(1)
}

async function keepShowing(toolbox: Toolbox, settings: Settings, json: true | undefined): Promise<void> {
  const store = holdStore(toolbox)
  await store.opened
  let shown: Shown | undefined
  await showRepeatedly({
    async refresh() {
      shown = await look(settings, await askGateway(settings.operations), store)
    },
    draw(size) {
      if (shown === undefined) return []
      return json ? [JSON.stringify(statusJson(shown))] : screen(shown, size).map(styled)
    },
    everyMs,
  })
  if (!(await store.close())) process.exit(0)
}

/** What is wrong, and what to do; `undefined`: the gateway is ready. */
function troubleOf(told: StatusDocument | Unknown, { operations }: Settings): string | undefined {
  if ('unknown' in told)
    return `No gateway answers on ${operations.host}:${operations.port} (the operations port): ${told.unknown}. Start it with altgate serve, or give the settings it runs with: --config FILE.`
  const { state, workers } = told.gateway
  if (state === 'ready') return undefined
  if (state === 'stopping') return 'The gateway is stopping: it finishes the requests in progress.'
  const count = `${workers.listening} of ${workers.of} workers listen`
  return `The gateway is ${state === 'starting' ? 'still starting' : 'not ready'}: ${count}. Its log says why.`
}

/** The store knows names, which the operations port does not tell. */
async function look(settings: Settings, told: StatusDocument | Unknown, hold: StoreHold): Promise<Shown> {
  const self = 'unknown' in told ? undefined : told.gateway.id
  const store = hold.tools()?.store
  const view = store && (await viewOfStore(store, { self, now: Date.now }))
  return wholeStatus(settings, { at: Date.now(), told, view: view ?? { unknown: hold.because() } })
}

interface StoreHold {
  /** What it is read with; `undefined`: it could not be opened yet. */
  tools(): Tools | undefined
  /** Why it could not. */
  because(): string
  /** Resolves when it is open, or could not be opened, or does not answer. */
  readonly opened: Promise<void>
  /** False if it does not let go. */
  close(): Promise<boolean>
}

/** Milliseconds: to open the store; to close it; between two tries. */
const storeMs = { opening: 4000, closing: 1000, pause: 5000 }

/** Opens the store, again and again while it cannot be opened: the state of a gateway is of interest just then. */
function holdStore(toolbox: Toolbox): StoreHold {
  const end = new AbortController()
  const ended = new Promise<void>(resolve => end.signal.addEventListener('abort', () => resolve()))
  const opened = Promise.withResolvers<void>()
  let open: Tools | undefined
  let flaw = 'the store has not answered yet'

  async function hold(): Promise<void> {
    while (!end.signal.aborted) {
      try {
        await toolbox.use(async tools => {
          open = tools
          opened.resolve()
          await ended
        })
      } catch (error) {
        if (!(error instanceof Failure || error instanceof Outage)) throw error
        const sentence = error instanceof Outage ? outageSentence(error) : error.message
        flaw = uncapitalised(sentence)
        opened.resolve()
        await delay(storeMs.pause, undefined, { signal: end.signal }).catch(() => {})
      } finally {
        open = undefined
      }
    }
  }

  const holding = hold()
  const late = (ms: number) => delay(ms, false, { ref: false })
  return {
    tools: () => open,
    because: () => flaw,
    opened: Promise.race([opened.promise, holding, late(storeMs.opening).then(() => {})]),
    async close() {
      end.abort()
      return await Promise.race([holding.then(() => true), late(storeMs.closing)])
    },
  }
}

/** As the end of a sentence. */
function uncapitalised(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '')
}

function styled({ text, kind }: Line): string {
  if (kind === undefined || text === '') return text
  return styleText(kind === 'heading' ? 'bold' : 'red', text, { stream: process.stdout })
}
