/** A value that one module keeps with objects of another, as long as they exist. */
export interface Attached<Owner extends object, T> {
  get(owner: Owner): T | undefined
  set(owner: Owner, value: T): void
}

/**
 * Like a `WeakMap`, for what is kept with an object of each request: the value is in the object itself, as a private field
 * that nothing else sees, prints or copies. A `WeakMap` costs a new object five times as much, and its table keeps what has
 * become useless until the whole heap is collected (ADR 0125).
 */
export function attached<Owner extends object, T>(): Attached<Owner, T> {
  class Carrier extends Itself {
    #value: T

    constructor(owner: Owner, value: T) {
      super(owner)
      this.#value = value
    }

    static get(owner: Owner): T | undefined {
      return #value in owner ? owner.#value : undefined
    }

    static set(owner: Owner, value: T): void {
      if (#value in owner) owner.#value = value
      else new Carrier(owner, value)
    }
  }
  return Carrier
}

/** A class that extends it adds its private fields to the object it is given. */
class Itself {
  constructor(owner: object) {
    return owner
  }
}
