import { addressOf, type Naming } from '../gateway/account.ts'
import type { AccountName } from '../gateway/names.ts'
import { inText } from './in-text.ts'
import { onOneLine, type Presented, type Presenter } from './presenter.ts'
import type { Terms } from './terms.ts'

/**
 * For Team Explorer Everywhere and the like, which of most answers read the headers. With the three addresses on a 401
 * `tf` prints the text and stops; without them it asks for another password, which is right wherever another one can help.
 */
export const inSoap: Presenter = (terms, setting) => {
  const { status, terminal, link } = terms
  const plain = inText(terms, setting)
  if (status === 401 && terminal === undefined) return plain
  return {
    ...plain,
    ...readable(terms, setting),
    headers: {
      ...(terminal !== undefined && link !== undefined && federated(terminal, link, setting)),
      // It is read as a form's field: a plus sign would be a blank, a bare percent sign a crash.
      'X-TFS-ServiceError': encodeURIComponent(onOneLine(terms, setting.requestId)),
    },
  }
}

/**
 * `tf` reads text on 401, 500 and 503, and of other answers shows the number alone. Where waiting helps it is 503;
 * the rest is a fault, which other SOAP clients read as well.
 */
function readable(
  terms: Terms,
  { soap, requestId }: { readonly soap?: '1.1' | '1.2' | undefined; readonly requestId: string },
): Partial<Presented> {
  if (soap === undefined || readByTf.has(terms.status)) return {}
  if (terms.status === 429) return { status: 503 }
  const text = escaped(onOneLine(terms, requestId))
  const fault = soap === '1.1' ? fault11(terms.status, text) : fault12(terms.status, text)
  return { status: 500, ...fault }
}

/** And 400: what is no proper HTTP comes from no `tf`. */
const readByTf: ReadonlySet<number> = new Set([400, 401, 503])

/** `tf` looks for `soap:` as it stands here, not for the namespace. */
function fault11(status: number, text: string): Pick<Presented, 'contentType' | 'body'> {
  const code = `<faultcode>soap:${status < 500 ? 'Client' : 'Server'}</faultcode>`
  const body = envelope(
    'http://schemas.xmlsoap.org/soap/envelope/',
    `${code}<faultstring>${text}</faultstring>`,
  )
  return { contentType: 'text/xml; charset=utf-8', body }
}

/** `tf` throws where a `soap:Text` has no language. */
function fault12(status: number, text: string): Pick<Presented, 'contentType' | 'body'> {
  const code = `<soap:Code><soap:Value>soap:${status < 500 ? 'Sender' : 'Receiver'}</soap:Value></soap:Code>`
  const reason = `<soap:Reason><soap:Text xml:lang="en">${text}</soap:Text></soap:Reason>`
  const body = envelope('http://www.w3.org/2003/05/soap-envelope', code + reason)
  return { contentType: 'application/soap+xml; charset=utf-8', body }
}

function envelope(namespace: string, fault: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="${namespace}"><soap:Body><soap:Fault>${fault}</soap:Fault></soap:Body></soap:Envelope>
`
}

/** For element content. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
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
