import { html, type Html } from '../html.ts'
import type { Messages } from '../messages/en.ts'

/**
 * Text for a terminal or a file, with a button that copies it, which the script reveals. It may be wider than the page, so the
 * keyboard can scroll it.
 */
export function command({ frame }: Messages, id: string, text: string, label?: string): Html {
  const named = label !== undefined && html` aria-label="${label}"`
  return html`<div class="command"><pre id="${id}" tabindex="0"><code>${text}</code></pre>
<button class="copy secondary" type="button" hidden data-copy="${id}"${named}>${frame.copy}</button></div>`
}
