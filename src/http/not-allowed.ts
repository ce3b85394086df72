import { unreachable, type NotAllowed } from '../gateway/decision.ts'
import type { AccountName } from '../gateway/names.ts'
import type { Unserved } from './ending.ts'
import { printable } from './plain-text.ts'
import type { Terms } from './terms.ts'

/** What somebody is told whose request will never go on as it is, whoever sends it or with whatever password. */
export function notAllowed(ending: NotAllowed | Unserved, publicUrl: string): Terms {
  switch (ending.cause) {
    case 'method':
      return { status: 403, text: ['This method is not served here.'] }
    case 'plain-http':
      return {
        status: 403,
        text: ['Plain http shows your password to everybody on its way. Use instead:'],
        link: publicUrl,
      }
    case 'not-a-member':
      return { status: 403, text: notAMember(ending.account.name) }
    default:
      return unreachable(ending)
  }
}

/** No more than that: where the account is connected to is its members' business. */
function notAMember(name: AccountName): readonly string[] {
  return [
    `Your user name and password are right, but the account "${printable(name)}" lets in its members only.`,
    'Ask an administrator of the account to add you, and keep your credentials as they are.',
  ]
}
