import { Html, html } from '../common/html.ts'
import type { Logo } from '../common/logo.ts'
import { type Language, messages } from './languages.ts'
import type { Messages } from './messages/en.ts'
import type { Instant } from '../gateway/names.ts'

export { Html, html } from '../common/html.ts'

/** A time in UTC, as the console shows it; the script replaces it with the reader's local time. */
export function moment(at: Instant): Html {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`
}

/** Whose gateway it is. What is left out is Altgate's. */
export interface Brand {
  readonly name?: string
  readonly logo?: Logo
  /** Where users get help: an address, which becomes a link, or text. */
  readonly support?: string
  readonly text?: string
}

/** What a page says, in the language of its reader. */
export type Said<Text> = (say: Messages) => Text

/** A page, before the frame is put around it. */
export interface Page {
  readonly status: number
  /** The window's title. Each state has its own, so that a screen reader announces it. */
  readonly title: string | Said<string>
  /** Not a function: it is of the console, which is in English. */
  readonly main: Html | Said<Html>
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number
  /** An address outside the page that the browser goes to at once. */
  readonly refresh?: string
  /** Whether to show the reference by which an operator finds this request in the log. */
  readonly reference?: boolean
  /** It is a page of the console, which has a start page and a session of its own. */
  readonly console?: true
  /** The token of the session, if the page offers to sign out of it. */
  readonly csrf?: string
}

/** Whether something is a finished page, and not what the next step needs. */
export function isPage(value: object): value is Page {
  return 'main' in value && 'title' in value
}

/** What is around a page. */
export interface Frame {
  readonly requestId: string
  readonly language: Language
  readonly brand: Brand
}

/** The language that a page is shown in to a reader of this one. */
export function languageOf({ main }: Page, wanted: Language): Language {
  return main instanceof Html ? 'en' : wanted
}

/** The whole document. Styles and scripts are files of their own: the policy of the page allows nothing inline. */
export function framed(page: Page, { requestId, language, brand }: Frame): string {
  const { name = 'Altgate' } = brand
  const { frame } = messages[language]
  const title = typeof page.title === 'string' ? page.title : page.title(messages[language])
  const main = page.main instanceof Html ? page.main : page.main(messages[language])
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${page.refresh && html`<meta http-equiv="refresh" content="0; url=${page.refresh}">`}
<title>${title} – ${name}</title>
<link rel="icon" href="/_altgate/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/_altgate/style.css">
<script src="/_altgate/page.js" defer data-words="${JSON.stringify([frame.copied, frame.pressCopy, frame.show, frame.hide])}"></script>
</head>
<body>
<a class="skip" href="#main">${frame.skip}</a>
<header class="top">
<a class="brand" href="${rootOf(page)}"><img src="/_altgate/${brand.logo === undefined ? 'icon.svg' : 'logo'}" alt="" height="28"><span>${name}${page.console && ' console'}</span></a>
${page.csrf && signOut(page.csrf, page, frame.signOut)}
</header>
<main id="main" tabindex="-1">
${main}
${page.reference && html`<p class="reference">${frame.reference} <code>${requestId}</code></p>`}
</main>
${footer(brand, frame.help)}
</body>
</html>
`.text
}

function footer({ support, text }: Brand, help: string): Html | false {
  if (support === undefined && text === undefined) return false
  return html`<footer class="bottom">
${text !== undefined && html`<p>${text}</p>`}
${support !== undefined && html`<p>${help} ${linkTo(support)}</p>`}
</footer>`
}

/** Only these two schemes become links: others may be scripts. */
function linkTo(support: string): Html | string {
  if (!/^(?:mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/i.test(support)) return support
  return html`<a href="${support}">${support.replace(/^(?:mailto:|https:\/\/)/i, '')}</a>`
}

function rootOf(page: Page): string {
  return page.console ? '/_altgate/admin/' : '/_altgate/'
}

function signOut(csrf: string, page: Page, word: string): Html {
  return html`<form method="post" action="${rootOf(page)}sign-out">
<input type="hidden" name="csrf" value="${csrf}">
<button class="quiet" type="submit">${word}</button>
</form>`
}
