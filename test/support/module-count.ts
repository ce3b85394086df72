import { writeSync } from 'node:fs'
import module from 'node:module'

// Loaded into a process with `--import`: at its end, standard error says how many modules it has loaded.
let count = 0
module.registerHooks({
  load(url, context, next) {
    count += 1
    return next(url, context)
  },
})
process.on('exit', () => writeSync(2, `modules: ${count}\n`))
