import type { Command } from 'commander'

/** The part of a help text that shows how it is done. */
export function examples(...lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map(line => `  altgate ${line}`)].join('\n')
}

/** `altgate account add`: how a command is called. */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** After wrong usage every command names its own help. */
export function hintAtHelp(command: Command): void {
  command.showHelpAfterError(`See: ${pathOf(command)} --help`)
  for (const below of command.commands) hintAtHelp(below)
}
