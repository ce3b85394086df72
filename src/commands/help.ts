import { type Command, Option } from 'commander'

/** The part of a help text that shows how it is done. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map(line => `  altgate ${line}`)].join('\n')
}

/** `altgate account add`: how a command is called. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** After wrong usage every command names its own help. */
export function hintAtHelp(command: Command): void {
  command.showHelpAfterError(`See: ${pathOf(command)} --help`)
  for (const below of command.commands) hintAtHelp(below)
}

/**
 * Commander's words about wrong usage in our own form. What was given is left out wherever it may have been a
 * password, or an address with one: terminals are recorded.
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

/** `--password` would show it to everybody on the machine: say so, instead of "unknown option". */
export function refusePassword(command: Command): Command {
  command.addOption(new Option('--password [password]').hideHelp())
  return command.on('option:password', () => {
    command.error(
      'error: a password is never an argument, where everybody on this machine could read it. Type it at the prompt, or give it as the first line of standard input.',
      { exitCode: 2 },
    )
  })
}
