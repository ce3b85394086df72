import { noSignInPage, type Method } from './method.ts'

export interface PassThroughOptions {
  readonly method: 'pass-through'
}

/** The upstream gets the user's own name and password, which the gateway has just found right. */
export function passThrough(): Method {
  return {
    authorize: ({ ask }) => [
      // The gate has refused a request with two of them.
      ...ask.authorization.flatMap(header => ['Authorization', header.reveal()]),
      ...noSignInPage,
    ],
  }
}
