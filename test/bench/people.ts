/** The account that everybody asks for. */
export const account = 'fabrikam'

/** Who has a credential on every server. In the files of `peers` the password stands as a hash. */
export const anna = { user: 'anna@example.com', password: 'correct horse battery staple' } as const

/** An `Authorization` header. */
export function basic({ user, password }: { readonly user: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** The user names of a store with many; `wrk/many-users.lua` makes the same. */
export function userNumber(number: number): string {
  return `user${String(number).padStart(7, '0')}@example.com`
}
