import { type Html, html } from '../common/html.ts'
import type { Instant } from '../gateway/names.ts'

export { Html, html } from '../common/html.ts'

/** A time in UTC; the script replaces it with the reader's local time. */
export function moment(at: Instant): Html {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`
}

/** A page, before the frame is put around it. */
export interface Page {
  readonly status: number
  /** The window's title. Each state has its own, so that a screen reader announces it. */
  readonly title: string
  readonly main: Html
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

/** The whole document. Styles and scripts are files of their own: the policy of the page allows nothing inline. */
export function framed(page: Page, requestId: string): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${page.refresh && html`<meta http-equiv="refresh" content="0; url=${page.refresh}">`}
<title>${page.title} – Altgate</title>
<link rel="icon" href="/_altgate/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/_altgate/style.css">
<script src="/_altgate/page.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="${rootOf(page)}"><img src="/_altgate/icon.svg" alt="" width="28" height="28"><span>${page.console ? 'Altgate console' : 'Altgate'}</span></a>
${page.csrf && signOut(page.csrf, page)}
</header>
<main id="main" tabindex="-1">
${page.main}
${page.reference && html`<p class="reference">Reference for your operator: <code>${requestId}</code></p>`}
</main>
</body>
</html>
`.text
}

function rootOf(page: Page): string {
  return page.console ? '/_altgate/admin/' : '/_altgate/'
}

function signOut(csrf: string, page: Page): Html {
  return html`<form method="post" action="${rootOf(page)}sign-out">
<input type="hidden" name="csrf" value="${csrf}">
<button class="quiet" type="submit">Sign out</button>
</form>`
}
