/** Computations under way, by name. */
export interface Flights<T> {
  /** The result of the one under way of that name, or of one that has just landed, else of a new one. */
  join(key: string, begin: () => Promise<T>): Promise<T>
}

/** `stays`: milliseconds for which a result is still given to those who come late. What failed is tried anew at once. */
export function createFlights<T>(stays: (result: T) => number): Flights<T> {
  const flights = new Map<string, Promise<T>>()

  return {
    join(key, begin) {
      const joined = flights.get(key)
      if (joined !== undefined) return joined
      const flight = begin()
      flights.set(key, flight)
      const land = () => flights.delete(key)
      flight.then(result => {
        const rest = stays(result)
        if (rest > 0) setTimeout(land, rest).unref()
        else land()
      }, land)
      return flight
    },
  }
}
