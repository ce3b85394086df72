import type { Presenter } from './presenter.ts'

/** For a person who has opened the address in a browser: a page that loads nothing and runs nothing. */
export const inHtml: Presenter = ({ text, link }, { requestId }) => {
  const href = escaped(link ?? '')
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(text[0] ?? '')}</title>
</head>
<body>
<main>
<h1>Altgate</h1>
${text.map(sentence => `<p>${escaped(sentence)}</p>`).join('\n')}
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
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`)
}
