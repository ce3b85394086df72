import type { Naming } from '../../gateway/account.ts'
import { html, type Html } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { command } from './command.ts'

/** What the commands that install `altgate-git-credential` contain. */
export interface GitHelperSettings {
  /** The public address of the gateway, without a trailing slash. */
  readonly publicUrl: string
  readonly naming: Naming
  /** SHA-256, as `sha256sum` prints it. */
  readonly checksum: string
}

/** How to get git's password on a machine without a browser: the program, its checksum, and the commands. */
export function gitHelper(messages: Messages, settings: GitHelperSettings): Html {
  const { tools: say } = messages
  const download = (text: string) => html`<a href="/_altgate/helper">${text}</a>`
  return html`<section class="card" aria-labelledby="git-helper">
<h2 id="git-helper">${say.noBrowser}</h2>
<p>${say.noBrowserLead(html`<code>altgate-git-credential</code>`)}</p>
${command(messages, 'git-helper-commands', installing(settings))}
<p class="hint">${say.checksum(html`<code>sha256sum</code>`, html`<code>shasum -a 256</code>`, download)}</p>
</section>`
}

/** The commands, which stop at the first that fails. */
export function installing({ publicUrl, naming, checksum }: GitHelperSettings): string {
  const accounts = naming.by === 'host' ? ` --accounts ${naming.suffix}` : ''
  return `mkdir -p ~/.local/bin && (cd ~/.local/bin &&
curl -fsSLo altgate-git-credential ${publicUrl}/_altgate/helper &&
echo "${checksum}  altgate-git-credential" | sha256sum -c - &&
chmod +x altgate-git-credential &&
./altgate-git-credential install ${publicUrl}${accounts})`
}
