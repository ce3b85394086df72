import type { AccountName, Username } from '../../gateway/names.ts'
import { html, type Html } from '../html.ts'
import type { Messages } from '../messages/en.ts'
import { command } from './command.ts'
import { gitHelper, type GitHelperSettings } from './git-helper.ts'

/** What credential helpers have to know to get a password for a user. */
export interface HelperSettings {
  /** The address that git asks for a password for: of the gateway, or of the account's own host. */
  readonly site: string
  readonly account: AccountName
  readonly username: Username
  readonly deviceCodes: boolean
  /** For our own helper, which needs device codes. */
  readonly own: GitHelperSettings
}

/** The settings for each helper, ready to paste into git's. One call in the profile. */
export function helpers(messages: Messages, settings: HelperSettings | undefined): Html | false {
  if (settings === undefined) return false
  const { tools: say } = messages
  return html`<section class="card" aria-labelledby="helpers">
<h2 id="helpers">${say.browser}</h2>
<p>${say.browserLead(html`<code>git config --global --edit</code>`)}</p>
<details>
<summary>Git Credential Manager</summary>
${command(messages, 'gcm', credentialManager(settings))}
</details>
<details>
<summary>git-credential-oauth</summary>
${command(messages, 'gco', credentialOAuth(settings))}
</details>
</section>
${settings.deviceCodes && gitHelper(messages, settings.own)}`
}

type OfAnAccount = Omit<HelperSettings, 'own'>

const base = '/_altgate/oauth'

/** For Git Credential Manager: without `username`, it would send `OAUTH_USER`. */
export function credentialManager({ site, account, username, deviceCodes }: OfAnAccount): string {
  return section(site, [
    ['provider', 'generic'],
    ['username', username],
    ['oauthClientId', 'git-credential-manager'],
    ['oauthAuthorizeEndpoint', `${base}/authorize/${account}`],
    ['oauthTokenEndpoint', `${base}/token`],
    ...(deviceCodes ? ([['oauthDeviceEndpoint', `${base}/device_authorization/${account}`]] as const) : []),
    ['oauthDefaultUserName', username],
  ])
}

/** For git-credential-oauth from 0.4: without `username`, it would send `oauth2`. Old versions take only paths. */
export function credentialOAuth({ site, account, username, deviceCodes }: OfAnAccount): string {
  return section(site, [
    ['username', username],
    ['oauthClientId', 'git-credential-oauth'],
    ['oauthAuthURL', `${base}/authorize/${account}`],
    ['oauthTokenURL', `${base}/token`],
    ...(deviceCodes ? ([['oauthDeviceAuthURL', `${base}/device_authorization/${account}`]] as const) : []),
  ])
}

function section(site: string, values: readonly (readonly [key: string, value: string])[]): string {
  return [`[credential "${site}"]`, ...values.map(([key, value]) => `\t${key} = ${quoted(value)}`)].join('\n')
}

/** git-config(1), "Syntax": these characters would end a value or begin a comment. */
function quoted(value: string): string {
  return /^[\w@./:+-]+$/.test(value) ? value : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
