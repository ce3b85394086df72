import { inText } from './in-text.ts'
import { exceptionOf, type Presenter } from './presenter.ts'

/**
 * For the downloads and uploads of TFVC's clients, which read a text of at most 2048 bytes, on 500 alone, and where the
 * header says that it is one. 401 asks for another password and 503 says that it is the gateway's fault: they stay.
 */
export const inTransfer: Presenter = (terms, setting) => {
  const plain = inText(terms, setting)
  if (terms.status === 401) return plain
  const headers = { 'X-VersionControl-Exception': exceptionOf(setting.outcome) }
  const stays = terms.status === 400 || terms.status === 503
  return { ...plain, headers, ...(!stays && { status: 500 }) }
}
