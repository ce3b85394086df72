import { Option, type Command } from 'commander'

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
