// npm run parsers: asks nginx, Apache, Node and git how they read the targets of `targets.ts`, and writes the table of
// docs/parsers.md. `agreement.test.ts` holds the rule that the table shows; this is for readers.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from '../support/program.ts'
import { readByAll, readByAltgate } from './agreement.ts'
import { startGitBackend, startParsers } from './parsers.ts'
import { targets } from './targets.ts'

const page = join(checkout, 'docs/parsers.md')
const [begin, end] = ['<!-- table: begin -->', '<!-- table: end -->']

const endings: (() => unknown)[] = []
const owner = { teardown: (ending: () => unknown) => void endings.unshift(ending) }
const parsers = await startParsers(owner)
const gitAccountOf = await startGitBackend(owner, ['fabrikam', 'contoso'])

const rows: string[][] = []
for (const target of targets) {
  const reading = readByAltgate(target)
  const decided = 'refused' in reading ? `**refused**: ${reading.refused}` : `account \`${reading.account}\``
  const read = await readByAll(parsers, target)
  const git = await gitAccountOf(target.split('?', 1)[0] ?? '')
  rows.push([
    shown(target),
    decided,
    ...read.map(each => told(each.read)),
    typeof git === 'number' ? '' : git,
  ])
}
for (const ending of endings) await ending()

const heads = ['target', 'Altgate', ...parsers.map(({ name }) => `${name} serves`), 'git serves']
const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const table = [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
const versions = `${versionOf('nginx', '-v')}, ${versionOf('apache2', '-v')}, Node ${process.versions.node}, ${versionOf('git', '--version')}`

const [before = '', rest = ''] = readFileSync(page, 'utf8').split(begin)
const after = rest.split(end)[1] ?? ''
writeFileSync(page, `${before}${begin}\n\n${table}\n\nRead by ${versions}.\n\n${end}${after}`)
process.stdout.write(`${rows.length} targets, read by ${versions}: docs/parsers.md is written.\n`)

function told(read: string | number): string {
  return typeof read === 'number' ? `${read === 0 ? 'closed' : read}` : shown(read)
}

/** In a cell of a table: no bar ends it, and no byte moves the cursor. */
function shown(text: string): string {
  const plain = JSON.stringify(text).slice(1, -1).replaceAll('|', '&#124;').replaceAll('`', '&#96;')
  return `<code>${plain.replaceAll('\\\\', '\\').replaceAll('<', '&lt;')}</code>`
}

function versionOf(program: string, flag: string): string {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
  const printed = execFileSync('sh', ['-c', `${program} ${flag} 2>&1`], { env, encoding: 'utf8' })
  return `${program === 'apache2' ? 'Apache' : program} ${/\d+\.\d+[\d.]*/.exec(printed)?.[0]}`
}
