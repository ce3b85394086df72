/** A value that is there already, or that has to be waited for: what is decided from memory needs no promise. */
export type Soon<T> = T | Promise<T>

/** Goes on with it: at once if it is there. */
export function whenThere<T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** The same for work that may fail: `broke` is given whatever is thrown, at once or later, also by `next`. */
export function whenDone<T, R>(
  work: () => Soon<T>,
  next: (value: T) => R,
  broke: (error: unknown) => R,
): Soon<R> {
  const goOn = (value: T): R => {
    try {
      return next(value)
    } catch (error) {
      return broke(error)
    }
  }
  let value: Soon<T>
  try {
    value = work()
  } catch (error) {
    return broke(error)
  }
  return value instanceof Promise ? value.then(goOn, broke) : goOn(value)
}
