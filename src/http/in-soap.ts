import { addressOf, type Naming } from '../gateway/account.ts'
import type { AccountName } from '../gateway/names.ts'
import { inText } from './in-text.ts'
import { onOneLine, type Presenter } from './presenter.ts'

/**
 * For Team Explorer Everywhere and the like, which read headers and no body. With the three addresses on a 401 `tf`
 * prints the text and stops; without them it asks for another password, which is right wherever another one can help.
 */
export const inSoap: Presenter = (terms, setting) => {
  const { status, terminal, link } = terms
  const plain = inText(terms, setting)
  if (status === 401 && terminal === undefined) return plain
  return {
    ...plain,
    headers: {
      ...(terminal !== undefined && link !== undefined && federated(terminal, link, setting)),
      // It is read as a form's field: a plus sign would be a blank, a bare percent sign a crash.
      'X-TFS-ServiceError': encodeURIComponent(onOneLine(terms, setting.requestId)),
    },
  }
}

function federated(
  account: AccountName,
  link: string,
  { publicUrl, naming }: { readonly publicUrl: string; readonly naming: Naming },
): Record<string, string> {
  return {
    'X-TFS-FedAuthRedirect': link,
    'X-TFS-FedAuthIssuer': publicUrl,
    'X-TFS-FedAuthRealm': addressOf(account, publicUrl, naming).replace(/\/$/, ''),
  }
}
