import { pageOf } from '../gateway/account.ts'
import { accounts, anna, northwindDirectory, passwords, repository, scopes } from './people.ts'
import { people } from './identity-pages.ts'
import type { DemoGuide } from './demo.ts'

/** The state of the demo, and whether users can sign in to the page. */
export interface GuideFacts extends DemoGuide {
  /** `not-installed`: the provider's package is missing. */
  readonly signIn: 'ready' | 'none' | 'not-installed'
}

export interface GuideLooks {
  /** Whether the terminal shows colours. */
  readonly colours: boolean
  /** How to run commands here: in the folder of a checkout, or with the compose file of a container. */
  readonly place:
    | { readonly checkout: string; readonly configFile?: string | undefined }
    | { readonly composeFile: string }
}

/** What `npm start` prints: commands to paste in any folder, and what they show. Lines of at most 80 columns. */
export function describeDemo(
  { publicUrl, northwind, signIn }: GuideFacts,
  { colours, place }: GuideLooks,
): string {
  const bold = paint(colours, '1')
  const dim = paint(colours, '2')
  const command = (...lines: readonly string[]) => lines.map(line => `    ${paint(colours, '36')(line)}`)
  return [
    '',
    bold(`Altgate is running at ${publicUrl}`),
    '',
    `Paste these into a second terminal. Each clone creates a folder there;`,
    `"-c credential.helper=" keeps git from storing the demo passwords.`,
    '',
    bold('1. fabrikam signs in with Microsoft accounts: the clone works.'),
    '',
    ...command(...clone(publicUrl, accounts.fabrikam, passwords.msa)),
    '',
    bold('2. northwind has just moved to a directory of its own.'),
    ...secondStep(northwind, command(...clone(publicUrl, accounts.northwind, passwords.msa))),
    '',
    bold('3. Set a credential for that directory; then the clone works.'),
    '',
    ...thirdStep(publicUrl, signIn, dim),
    '',
    ...command(
      `echo ${passwords.northwind} |`,
      ...altgateIn(place).map(line => `  ${line} \\`),
      `  --scope ${scopes.northwind} \\`,
      `  --user ${anna.username} --secondary ${anna.secondary}`,
      ...clone(publicUrl, accounts.northwind, passwords.northwind),
    ),
    '',
    dim('   Leave out the first line to type a password of your own.'),
    '',
    dim(`Ctrl-C stops it. Your changes are kept${startOver(place)}.`),
    '',
  ].join('\n')
}

/** Two lines, to be followed by options. */
function altgateIn(place: GuideLooks['place']): readonly string[] {
  if ('composeFile' in place)
    return [`docker compose -f ${place.composeFile} exec -T gateway altgate`, 'credential set']
  const program = `npm --prefix ${quoted(place.checkout)} run -s altgate --`
  const config = place.configFile === undefined ? '' : ` --config ${quoted(place.configFile)}`
  return [program, `credential set${config}`]
}

/** Other settings may keep the store and the demo's files anywhere. */
function startOver(place: GuideLooks['place']): string {
  const isUsual = 'composeFile' in place || place.configFile === 'config/development.yaml'
  return isUsual ? '; delete the folder "data" to start over' : ''
}

/** The browser comes first: it is what most users choose. */
function thirdStep(
  publicUrl: string,
  signIn: GuideFacts['signIn'],
  dim: (text: string) => string,
): readonly string[] {
  const page = `   ${publicUrl}${pageOf(accounts.northwind)}`
  if (signIn !== 'ready') {
    const why = signIn === 'none' ? 'is switched off' : 'is not installed here'
    return [
      `   The demo's sign-in service ${why}, so the page`,
      page,
      '   cannot let you in. The command can:',
    ]
  }
  const person = people.find(({ email }) => email === anna.username)
  return [
    '   Open the page that git named, and sign in as',
    `   ${anna.username} with the password ${person?.password}:`,
    '',
    page,
    '',
    '   It shows the new password and the commands that use it.',
    dim('   The same without a browser:'),
  ]
}

function secondStep(northwind: DemoGuide['northwind'], command: readonly string[]): readonly string[] {
  return northwind === 'reset-needed'
    ? ['   The old password no longer opens it: a reset is needed, and git says so.', '', ...command]
    : [
        `   Its credential in the directory ${northwindDirectory.name} was set on an earlier start,`,
        '   so the password of step 1 is just a wrong password here:',
        '',
        ...command,
      ]
}

/** `anna`, not the e-mail address: in an address, an `@` in a user name must be escaped. */
function clone(publicUrl: string, account: string, password: string): readonly string[] {
  const url = new URL(`/${account}/${repository}.git`, publicUrl)
  url.username = anna.secondary
  url.password = password
  return ['git -c credential.helper= clone \\', `  ${url.href} ${account}`]
}

/** Quoted for a shell, if necessary. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}

function paint(colours: boolean, code: string): (text: string) => string {
  return text => (colours ? `\u001b[${code}m${text}\u001b[0m` : text)
}
