import { noSignInPage, type Method } from './method.ts'

export interface StripOptions {
  readonly method: 'strip'
}

/** The upstream learns nothing about who it is: that the gateway let the request in has to be enough. */
export function strip(): Method {
  return { authorize: () => noSignInPage }
}
