import { userInfo } from 'node:os'
import type { Answer } from '../accounts/answer.ts'
import type { Tools as AdministrationTools } from '../administration/tools.ts'
import type { TokenRecord } from '../gateway/api-token.ts'
import type { Generated } from '../gateway/generated-password.ts'
import type { KeyKeeper } from '../gateway/key-ring.ts'
import type { AccountName } from '../gateway/names.ts'
import { loadSettings } from '../settings/load.ts'
import type { Settings } from '../settings/schema.ts'
import { SettingsRefused } from './failure.ts'
import { note } from './say.ts'

/** What commands work with; `src/tools.ts` opens it. */
export interface Tools extends AdministrationTools {
  readonly store: AdministrationTools['store'] & {
    readonly keyKeeper: KeyKeeper
    /** Throws `Outage`. */
    ping(): Promise<void>
  }
  /** Tokens of the API. Both throw `Outage`. */
  readonly apiTokens: {
    list(): Promise<readonly TokenRecord[]>
    make(): Promise<Generated>
  }
  /** What the gateway gets its own access tokens with, for upstreams; `ask` throws why there is none. */
  readonly tokens: readonly { readonly issuer: string; readonly ask: () => Promise<unknown> }[]
  /** Missing without `redis` in the settings. `survey` says which servers answer, and throws `Outage`. */
  readonly redis?: { survey(): Promise<string> }
  /** Missing if accounts come from the store alone. One query, sent now. */
  readonly source?: { readonly ask: (name: AccountName) => Promise<Answer> }
  close(): Promise<void>
}

/** Opens settings and tools only when a command asks for them: `--help` needs neither. */
export interface Toolbox {
  /** What `--config` names. */
  readonly configFile: string | undefined
  /** The settings, or everything that is wrong with them. */
  load(): ReturnType<typeof loadSettings>
  /** Throws `SettingsRefused`. */
  settings(): Settings
  /** Opens the tools, works with them and closes them. Throws `SettingsRefused` and `Outage`. */
  use(work: (tools: Tools, settings: Settings) => Promise<void>): Promise<void>
}

/** `configFile` is called late: the option may follow the command's own arguments. */
export function createToolbox(configFile: () => string | undefined): Toolbox {
  const load = () => loadSettings({ file: configFile(), env: process.env, cwd: process.cwd() })

  function settings(): Settings {
    const loaded = load()
    if ('complaints' in loaded) throw new SettingsRefused(loaded.complaints)
    return loaded.settings
  }

  return {
    get configFile() {
      return configFile()
    },
    load,
    settings,
    async use(work) {
      const inForce = settings()
      const { openTools } = await import('../tools.ts')
      const tools: Tools = await openTools(inForce, sayWaiting)
      try {
        await work(tools, inForce)
      } finally {
        await tools.close()
      }
    },
  }
}

/** On a terminal only: some scripts take any output on standard error for a failure. */
export function sayWaiting(hosts: readonly string[], seconds: number): void {
  if (!process.stderr.isTTY) return
  const unconfirmed =
    hosts.length === 0 ? 'gateways that Redis may not know yet' : `gateways on ${hosts.join(', ')}`
  note(
    `Waiting up to ${Math.ceil(seconds)} s for ${unconfirmed} to confirm; after that they stop by themselves.`,
  )
}

/** Who makes the changes of this command, as shown in the history and the audit log. */
export function actor(): string {
  try {
    return `cli:${userInfo().username}`
  } catch {
    return `cli:uid-${process.getuid?.()}` // containers run under ids that no user has
  }
}
