import { loadSettings } from '../../../src/settings/load.ts'
import { tellUsed } from './probe.ts'
import { type LadderName, stepsOf } from './steps.ts'

// A process that serves one step of a ladder: `step.ts LADDER NUMBER SETTINGS UPSTREAM PROBE`. It sends its port.

const [ladder = '', number = '', file = '', upstream = '', probe = ''] = process.argv.slice(2)
const loaded = loadSettings({ file, env: {}, cwd: process.cwd() })
if ('complaints' in loaded) throw new Error(JSON.stringify(loaded.complaints))
const step = stepsOf(ladder as LadderName)[Number(number)] // named by `running.ts`
if (step === undefined) throw new Error(`there is no step ${number} on the ladder ${ladder}`)
const { port } = await step.serve({ settings: loaded.settings, upstream })
await tellUsed(probe)
process.send?.(port)
