import { identityOf } from '../gateway/upstream-auth.ts'
import { noSignInPage, type Method } from './method.ts'

export interface IdentityHeadersOptions {
  readonly method: 'identity-headers'
}

/** Who this is, in headers. The upstream must believe them from the gateway alone. */
export function identityHeaders(): Method {
  return { authorize: ({ allowed }) => [...identityOf(allowed), ...noSignInPage] }
}
