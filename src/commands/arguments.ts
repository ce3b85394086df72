import { InvalidArgumentError } from 'commander'
import * as given from '../administration/given.ts'

export { addressOf, destinationOf, resetPage, resetPageOf } from '../administration/accounts.ts'

// Parsers for the arguments of commands. Each returns the value or ends the command with a usage error.

export const accountName = argument(given.accountName)
export const directoryId = argument(given.directoryId)
export const scope = argument(given.scope)
export const primaryName = argument(given.primaryName)
export const secondaryName = argument(given.secondaryName)
/** A primary or secondary user name. */
export const anyName = argument(given.anyName)
export const bridgeHours = argument(given.bridgeHours)
/** The name of a generated password. */
export const passwordName = argument(given.passwordName)
/** How long a replaced password goes on counting. The settings have the ceiling. */
export const graceHours = argument(given.graceHours)
/** The reference of an answer, as clients show it. */
export const reference = argument(given.reference)
export const tokenName = argument(given.tokenName)
export const tokenScope = argument(given.tokenScope)
export const pastInstant = argument(given.pastInstant)
/** A calendar day, as it was given. */
export const day = argument(given.day)
export const comingDay = argument(given.comingDay)
export const directoryName = argument(given.directoryName)
export const upstreamUrl = argument(given.upstreamUrl)
export const issuerUrl = argument(given.issuerUrl)
export const authName = argument(given.authName)
export const domainName = argument(given.domainName)

/** The rates of a load test: `50`, or `50,100,200`. */
export const rates = argument(text => text.split(',').map(each => given.number(each, 100_000)))

/** The duration of a load test: a day at most. */
export const seconds = argument(text => given.number(text, 86_400))

function argument<T>(read: (text: string) => T): (text: string) => T {
  return text => {
    try {
      return read(text)
    } catch (error) {
      throw error instanceof given.Unusable ? new InvalidArgumentError(error.message) : error
    }
  }
}
