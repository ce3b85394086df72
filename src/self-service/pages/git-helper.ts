import type { Naming } from '../../gateway/account.ts'
import { html, type Html } from '../html.ts'
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
export function gitHelper(settings: GitHelperSettings): Html {
  return html`<section class="card" aria-labelledby="git-helper">
<h2 id="git-helper">For tools without a browser</h2>
<p>On a server or a build machine, use <code>altgate-git-credential</code>. It shows an address and a code, which you enter in
a browser on any other device. The machine then has a password of its own, which is renewed without you. It needs git and
curl. Paste this into a terminal:</p>
${command('git-helper-commands', installing(settings))}
<p class="hint">The commands check the program against its SHA-256 checksum. On a Mac without <code>sha256sum</code>, write
<code>shasum -a 256</code> instead. To look at the program first, <a href="/_altgate/helper">download it</a>.</p>
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
