/** Computations under way, by name. */
export interface Flights<T> {
  /** The result of the one under way of that name, else of a new one. */
  join(key: string, begin: () => Promise<T>): Promise<T>
}

/** Remembers nothing: who comes after a computation has ended begins a new one. */
export function createFlights<T>(): Flights<T> {
  const underWay = new Map<string, Promise<T>>()
  return {
    join(key, begin) {
      const joined = underWay.get(key)
      if (joined !== undefined) return joined
      const flight = begin().finally(() => underWay.delete(key))
      underWay.set(key, flight)
      return flight
    },
  }
}
