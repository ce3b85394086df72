// Loaded by `--import` into every process that the primary starts, before anything else: loading the rest takes a while, in
// which a signal would end the process, and with it the start of the gateway. Ctrl-C, `kill -- -group` and scripts that
// rotate logs reach the whole group, but the primary process decides what happens and in which order. Workers and lanes
// end when it says so, or is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {})
