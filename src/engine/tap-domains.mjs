import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks'

// Which test an error belongs to that no code catches. `tap` asks a package that listens to every asynchronous operation, and to
// the collection of every one of them, for as long as a test file runs: a third of what its processes compute. Node
// hands a value from one operation to the next for next to nothing. link-packages.mjs puts this in that package's place.

const inForce = new AsyncLocalStorage()

/** Around the whole file: for what belongs to no test. */
let whole

/** The test for which the code that asks is run. One that has ended leaves its errors to the test around it. */
function currentDomain() {
  let domain = inForce.getStore() ?? whole
  while (domain?.destroyed) domain = domain.parent
  return domain
}

/** `tap` makes one within the asynchronous resource of each test, in which it runs the test later. */
export class Domain {
  constructor(onerror) {
    this.onerror = onerror
    this.parent = currentDomain()
    this.destroyed = false
    const resource = executionAsyncResource()
    const run = resource.runInAsyncScope
    if (run === undefined) whole ??= this
    else
      resource.runInAsyncScope = (what, on, ...given) =>
        run.call(resource, () => inForce.run(this, () => what.apply(on, given)))
  }

  destroy() {
    this.destroyed = true
  }
}

/** Whether a test has been told. */
function tell(error, event) {
  const domain = currentDomain()
  if (domain === undefined || process.hasUncaughtExceptionCaptureCallback()) return false
  if (process.listenerCount('uncaughtException') > 0) return false
  domain.onerror(error, event)
  return true
}

process.on('uncaughtExceptionMonitor', (error, event) => {
  if (!tell(error, event)) return
  // Node would end the process with it.
  process.setUncaughtExceptionCaptureCallback(() => process.setUncaughtExceptionCaptureCallback(null))
})

const emit = process.emit.bind(process)
process.emit = function (event, ...given) {
  const isOurs = event === 'unhandledRejection' && process.listenerCount(event) === 0
  return isOurs ? tell(given[0], event) : emit(event, ...given)
}
