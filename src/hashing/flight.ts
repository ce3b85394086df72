/** Computations under way, by name. */
export interface Flights<T> {
  /** The result of the one under way of that name, or of one that has just landed, else of a new one. */
  join(key: string, begin: () => Promise<T>): Promise<T>
}

/** `stays`: milliseconds for which a result is still given to those who come late. What failed is tried anew at once. */
export function createFlights<T>(stays: (result: T) => number): Flights<T> {
  const flights = new Map<string, Promise<T>>()

  async function begun(key: string, begin: () => Promise<T>): Promise<T> {
    let rest = 0
    try {
      const result = await begin()
      rest = stays(result)
      return result
    } finally {
      if (rest > 0) setTimeout(() => flights.delete(key), rest).unref()
      else flights.delete(key)
    }
  }

  return {
    join(key, begin) {
      const joined = flights.get(key)
      if (joined !== undefined) return joined
      const flight = begun(key, begin)
      flights.set(key, flight)
      return flight
    },
  }
}
