import { type Command, Option } from 'commander'

/** The examples at the end of a help text. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map(line => `  altgate ${line}`)].join('\n')
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
