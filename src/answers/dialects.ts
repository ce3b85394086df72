import { addressOf, type Naming } from '../gateway/account.ts'
import type { AccountName } from '../gateway/names.ts'
import type { Ending } from '../requests/request.ts'
import type { Terms } from './terms.ts'
import { paragraph } from './wording.ts'

/** What a presenter may use besides the terms. */
export interface AnswerContext {
  readonly outcome: Ending['outcome']
  readonly requestId: string
  /** The public URL of the gateway, without a trailing slash. */
  readonly publicUrl: string
  readonly naming: Naming
  /** The SOAP version of the request, if it is SOAP. */
  readonly soap?: '1.1' | '1.2' | undefined
  /** Left out: Altgate's. */
  readonly brand?: AnswerBrand | undefined
}

/** Whose gateway a browser is told that it is, as on the page. */
export interface AnswerBrand {
  readonly name: string
  /** Whether the page has a logo of its own. */
  readonly hasLogo: boolean
}

const altgate: AnswerBrand = { name: 'Altgate', hasLogo: false }

/** The terms in one dialect. */
export interface Presented {
  /** Replaces the status of the terms where the dialect's clients read the text on this status only. */
  readonly status?: number
  readonly contentType: string
  /** In addition to those that every dialect has. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** Renders the terms in one dialect, without adding text. */
export type Presenter = (terms: Terms, context: AnswerContext) => Presented

/** The whole text on one line. */
export function onOneLine({ text, link }: Terms, requestId: string): string {
  return [...text, ...(link === undefined ? [] : [link]), `Reference: ${requestId}`].join(' ')
}

/** The error name for clients that tell errors apart by name: `ResetNeededException` for `reset-needed`. */
function exceptionOf(outcome: AnswerContext['outcome']): string {
  return `${outcome.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Exception`
}

/** For git and all other clients. git shows a body only if it is `text/plain`, and reads it as Latin-1 by default. */
export function inText(
  { text, link, aside }: Terms,
  { requestId }: Pick<AnswerContext, 'requestId'>,
): Presented {
  const lines = [
    ...text.flatMap(paragraph),
    ...(link === undefined ? [] : [link]),
    ...(aside === undefined ? [] : [...paragraph(aside.sentence), aside.command]),
    `Reference: ${requestId}`,
  ]
  return { contentType: 'text/plain; charset=utf-8', body: `${lines.join('\n')}\n` }
}

/**
 * For browsers: the text in the style of the page, without scripts. The style is on every host that the gateway answers for,
 * and the text can be read without it.
 */
export const inHtml: Presenter = ({ text: [first = '', ...rest], link }, { requestId, brand = altgate }) => {
  const href = escapedHtml(link ?? '')
  const lines = [
    `<h1>${escapedHtml(first)}</h1>`,
    ...rest.map(sentence => `<p class="lead">${escapedHtml(sentence)}</p>`),
    ...(link === undefined ? [] : [`<p><a href="${href}">${href}</a></p>`]),
    `<p class="reference">Reference: <code>${requestId}</code></p>`,
  ]
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escapedHtml(first)} – ${escapedHtml(brand.name)}</title>
<link rel="icon" href="/_altgate/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/_altgate/style.css">
</head>
<body>
<header class="top">
<a class="brand" href="/_altgate/"><img src="/_altgate/${brand.hasLogo ? 'logo' : 'icon.svg'}" alt="" height="28"><span>${escapedHtml(brand.name)}</span></a>
</header>
<main>
${lines.join('\n')}
</main>
</body>
</html>
`
  return {
    contentType: 'text/html; charset=utf-8',
    headers: {
      'Content-Security-Policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
    },
    body,
  }
}

/** For element content and for attributes in double quotes. */
function escapedHtml(text: string): string {
  return text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`)
}

/**
 * For the REST clients of Azure DevOps, which show `message` and identify an error by `typeKey`. npm and yarn show
 * `error`, cargo shows `errors`.
 */
export const inRest: Presenter = (terms, context) => {
  const typeKey = exceptionOf(context.outcome)
  const message = onOneLine(terms, context.requestId)
  const error = {
    $id: '1',
    innerException: null,
    message,
    typeName: `Altgate.${typeKey}`,
    typeKey,
    errorCode: 0,
    eventId: 3000, // as in every error of Azure DevOps
    error: message,
    errors: [{ detail: message }],
  }
  return { contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(error)}\n` }
}

/**
 * For docker, podman, skopeo and other clients of registries for container images, which show `message` (OCI Distribution
 * Specification 1.1, Error Codes). The header is how old versions of docker find out that this is a registry: without it on
 * the challenge, they take it for one of version 1, and send no password.
 */
export const inOci: Presenter = (terms, { requestId }) => {
  const error = { code: ociCodes[terms.status] ?? 'UNKNOWN', message: onOneLine(terms, requestId) }
  return {
    contentType: 'application/json; charset=utf-8',
    headers: { 'Docker-Distribution-Api-Version': 'registry/2.0' },
    body: `${JSON.stringify({ errors: [error] })}\n`,
  }
}

/** Clients replace the message of a code that they do not know. */
const ociCodes: Readonly<Partial<Record<number, string>>> = {
  400: 'UNSUPPORTED',
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  429: 'TOOMANYREQUESTS',
  503: 'UNAVAILABLE',
}

/** For Composer, which shows `warning` on every error, if the media type has no parameters. */
export const inComposer: Presenter = (terms, { requestId }) => {
  const said = { warning: onOneLine(terms, requestId) }
  return { contentType: 'application/json', body: `${JSON.stringify(said)}\n` }
}

/**
 * For Team Explorer Everywhere and similar clients, which mostly read the headers. With the three `X-TFS-FedAuth`
 * headers on a 401, `tf` prints the text and stops; without them it asks for another password, which may help.
 */
export const inSoap: Presenter = (terms, context) => {
  const { status, terminal, link } = terms
  const plain = inText(terms, context)
  if (status === 401 && terminal === undefined) return plain
  return {
    ...plain,
    ...readable(terms, context),
    headers: {
      ...(terminal !== undefined && link !== undefined && federated(terminal, link, context)),
      // `tf` decodes it as a form field: a plus sign would become a space, a bare percent sign makes it crash.
      'X-TFS-ServiceError': encodeURIComponent(onOneLine(terms, context.requestId)),
    },
  }
}

/**
 * `tf` reads text on 401, 500 and 503, and shows only the number of any other status. Where waiting helps, the status
 * becomes 503; everything else becomes a SOAP fault, which other SOAP clients read as well.
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

/** 400 is not for `tf`, which does not send invalid HTTP. */
const readByTf: ReadonlySet<number> = new Set([400, 401, 503])

/** `tf` looks for the literal prefix `soap:`, not for the namespace. */
function fault11(status: number, text: string): Pick<Presented, 'contentType' | 'body'> {
  const code = `<faultcode>soap:${status < 500 ? 'Client' : 'Server'}</faultcode>`
  const body = envelope(
    'http://schemas.xmlsoap.org/soap/envelope/',
    `${code}<faultstring>${text}</faultstring>`,
  )
  return { contentType: 'text/xml; charset=utf-8', body }
}

/** `tf` throws if `soap:Text` has no language. */
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
 * For git-lfs (docs/api/batch.md, Response Errors), which prints only `message`. For any other media type it prints only
 * the URL that it requested. The other two members are for programs.
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
 * For the file transfers of TFVC clients, which read a text of at most 2048 bytes, only on 500, and only with this
 * header. 401 stays because it asks for another password, 503 because it stands for an outage.
 */
export const inTransfer: Presenter = (terms, context) => {
  const plain = inText(terms, context)
  if (terms.status === 401) return plain
  const headers = { 'X-VersionControl-Exception': exceptionOf(context.outcome) }
  const stays = terms.status === 400 || terms.status === 503
  return { ...plain, headers, ...(!stays && { status: 500 }) }
}
