const most = { guesses: 1_000_000, windowSeconds: 1 } as const

/** Settings under which every guess is taken seriously, however many there are. */
export const unthrottled: Readonly<Record<string, unknown>> = {
  throttle: {
    address: most,
    credential: most,
    everywhere: most,
    repetition: { requests: 1_000_000, windowSeconds: 1 },
  },
}
