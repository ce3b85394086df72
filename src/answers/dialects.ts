import { addressOf, type Naming } from '../gateway/account.ts'
import type { AccountName } from '../gateway/names.ts'
import type { Ending } from '../requests/request.ts'
import { paragraph, type Terms } from './terms.ts'

/** What a presenter may say beside the terms. */
export interface Setting {
  readonly outcome: Ending['outcome']
  readonly requestId: string
  /** How people reach the gateway, without a trailing slash. */
  readonly publicUrl: string
  readonly naming: Naming
  /** The SOAP that the request is written in, if it is. */
  readonly soap?: '1.1' | '1.2' | undefined
}

/** The terms in one dialect. */
export interface Presented {
  /** Where the dialect's clients can read the text on this status alone: in the place of that of the terms. */
  readonly status?: number
  readonly contentType: string
  /** Beside those that every dialect has. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** Puts the terms into one dialect; adds no sentence of its own. */
export type Presenter = (terms: Terms, setting: Setting) => Presented

/** All that is said, on one line. */
export function onOneLine({ text, link }: Terms, requestId: string): string {
  return [...text, ...(link === undefined ? [] : [link]), `Reference: ${requestId}`].join(' ')
}

/** What an error is called by those who tell errors apart by a name: `reset-needed` is `ResetNeededException`. */
function exceptionOf(outcome: Setting['outcome']): string {
  return `${outcome.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Exception`
}

/** For git and everybody else: git shows a body only as `text/plain`, and takes it for Latin-1 unless told. */
export function inText({ text, link, aside }: Terms, { requestId }: Pick<Setting, 'requestId'>): Presented {
  const lines = [
    ...text.flatMap(paragraph),
    ...(link === undefined ? [] : [link]),
    ...(aside === undefined ? [] : [...paragraph(aside.sentence), aside.command]),
    `Reference: ${requestId}`,
  ]
  return { contentType: 'text/plain; charset=utf-8', body: `${lines.join('\n')}\n` }
}

/** For a person who has opened the address in a browser: a page that loads nothing and runs nothing. */
export const inHtml: Presenter = ({ text, link }, { requestId }) => {
  const href = escapedHtml(link ?? '')
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapedHtml(text[0] ?? '')}</title>
</head>
<body>
<main>
<h1>Altgate</h1>
${text.map(sentence => `<p>${escapedHtml(sentence)}</p>`).join('\n')}
${link === undefined ? '' : `<p><a href="${href}">${href}</a></p>\n`}<p>Reference: ${requestId}</p>
</main>
</body>
</html>
`
  return {
    contentType: 'text/html; charset=utf-8',
    headers: { 'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'" },
    body,
  }
}

/** For element content and for attributes in double quotes. */
function escapedHtml(text: string): string {
  return text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`)
}

/**
 * For the REST clients of Azure DevOps, which show `message` and know an error by `typeKey`; npm and yarn show `error`,
 * cargo `errors`.
 */
export const inRest: Presenter = (terms, setting) => {
  const typeKey = exceptionOf(setting.outcome)
  const message = onOneLine(terms, setting.requestId)
  const error = {
    $id: '1',
    innerException: null,
    message,
    typeName: `Altgate.${typeKey}`,
    typeKey,
    errorCode: 0,
    eventId: 3000, // what Azure DevOps says of every error
    error: message,
    errors: [{ detail: message }],
  }
  return { contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(error)}\n` }
}

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
  const text = escapedXml(onOneLine(terms, requestId))
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
function escapedXml(text: string): string {
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

/**
 * For git-lfs (docs/api/batch.md, Response Errors), which prints `message` and nothing else; of another type of answer
 * it prints the address that it asked for. The other two are for programs.
 */
export const inLfs: Presenter = ({ text, link, aside }, { requestId }) => {
  const lines = [
    text.join(' '),
    ...(link === undefined ? [] : [link]),
    ...(aside === undefined ? [] : [aside.sentence, aside.command]),
    `Reference: ${requestId}`,
  ]
  const said = {
    message: lines.join('\n'),
    ...(link !== undefined && { documentation_url: link }),
    request_id: requestId,
  }
  return { contentType: 'application/vnd.git-lfs+json', body: `${JSON.stringify(said)}\n` }
}

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
