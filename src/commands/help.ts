import { type Command, Option } from 'commander'

/** The examples at the end of a help text. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map(line => `  altgate ${line}`)].join('\n')
}

/** Columns of help and explanations: those of the terminal up to 80, 80 elsewhere. */
export function columnsOf({ columns = 80 }: { readonly columns?: number }): number {
  return Math.max(40, Math.min(columns, 80))
}

/** Breaks anew what is wider than `width`: paragraphs, and the right column of tables. Examples stay as they are. */
export function fitted(text: string, width: number): string {
  const entries: { readonly left: string; lines: string[] }[] = []
  for (const line of text.split('\n')) {
    const [, left = '', right = ''] = /^( *\S+(?: \S+)* {2,})(\S.*)$/.exec(line) ?? []
    const last = entries.at(-1)
    const isNext = last !== undefined && last.lines[0] !== '' && indentOf(line) === last.left.length
    if (left !== '') entries.push({ left, lines: [right] })
    else if (isNext && line !== '') last.lines.push(line.trimStart())
    else entries.push({ left: '', lines: [line] })
  }
  return entries
    .flatMap(({ left, lines }) => {
      const room = width - left.length
      const fits = lines.every(line => line.length <= room || line.startsWith(' '))
      const shown = fits ? lines : folded(lines.join(' '), room)
      return shown.map((line, at) => (at === 0 ? left : ' '.repeat(left.length)) + line)
    })
    .join('\n')
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}

/** The words of a text in lines of at most `width` characters; a longer word has a line of its own. */
export function folded(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/** `altgate account add`: how a command is called. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** Makes every command point to its own help after wrong usage. */
export function hintAtHelp(command: Command): void {
  command.showHelpAfterError(`See: ${pathOf(command)} --help`)
  for (const below of command.commands) hintAtHelp(below)
}

/**
 * Rewrites commander's usage errors in our own form. The argument is left out wherever it may be a password, or an address
 * with one, because terminals are recorded.
 */
export function usageComplaint(text: string): string {
  const plain = text
    .replace(/^error: /, '')
    .replace(/^option '(.*?)' argument '.*' is invalid\. /s, '$1: ')
    .replace(/^command-argument value '.*' is invalid for argument '(.*?)'\. /s, '$1: ')
    .replace(/^(unknown option '--[\w-]+)=.*'/s, "$1'")
    .replace(/^(too many arguments.*? but got \d+): .*\.$/ms, '$1.')
  return `altgate: ${plain}`
}

/** Refuses `--password`, which would expose it to every user of the machine, with a reason instead of "unknown option". */
export function refusePassword(command: Command): Command {
  command.addOption(new Option('--password [password]').hideHelp())
  return command.on('option:password', () => {
    command.error(
      'error: a password is never an argument, because every user of this machine could read it. Type it at the prompt, or give it as the first line of standard input.',
      { exitCode: 2 },
    )
  })
}
