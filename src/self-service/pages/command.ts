import { html, type Html } from '../html.ts'

/** Text for a terminal or a file, with a button that copies it, which the script reveals. Lines break at blanks only. */
export function command(id: string, text: string, label?: string): Html {
  const named = label !== undefined && html` aria-label="${label}"`
  return html`<div class="command"><pre id="${id}"><code>${words(text)}</code></pre>
<button class="copy secondary" type="button" hidden data-copy="${id}"${named}>Copy</button></div>`
}

/** Browsers would also break after a hyphen or a slash, and a command of two halves is easily typed wrong. */
function words(text: string): readonly (Html | string)[] {
  return text.split(/([ \t\n]+)/).map((part, at) => (at % 2 === 1 ? part : html`<span>${part}</span>`))
}
