/** A value that is there already, or that has to be waited for: what is decided from memory needs no promise. */
export type Soon<T> = T | Promise<T>

/**
 * Goes on with it: at once if it is there. `about` is what `next` needs besides, so that no function has to be made for a
 * request that waits for nothing.
 */
export function whenThere<T, A, R>(value: Soon<T>, next: (value: T, about: A) => Soon<R>, about: A): Soon<R> {
  return value instanceof Promise ? later(value, next, about) : next(value, about)
}

function later<T, A, R>(value: Promise<T>, next: (value: T, about: A) => Soon<R>, about: A): Promise<R> {
  return value.then(there => next(there, about))
}

/** The same for work that may fail: `broke` is given whatever is thrown, at once or later, also by `next`. */
export function whenDone<T, A, R>(
  work: (about: A) => Soon<T>,
  next: (value: T, about: A) => R,
  broke: (error: unknown, about: A) => R,
  about: A,
): Soon<R> {
  try {
    const value = work(about)
    return value instanceof Promise ? doneLater(value, next, broke, about) : next(value, about)
  } catch (error) {
    return broke(error, about)
  }
}

function doneLater<T, A, R>(
  value: Promise<T>,
  next: (value: T, about: A) => R,
  broke: (error: unknown, about: A) => R,
  about: A,
): Promise<R> {
  const goOn = (there: T): R => {
    try {
      return next(there, about)
    } catch (error) {
      return broke(error, about)
    }
  }
  // One promise: a `catch` after the `then` would be a second one.
  return value.then(goOn, (error: unknown) => broke(error, about))
}
