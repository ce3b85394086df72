import type { Command } from 'commander'
import { examples, fitted, pathOf } from './help.ts'

/** `altgate man`. */
export function addManCommand(program: Command, version: string): void {
  program
    .command('man')
    .description('print the manual page, made of the help texts')
    .addHelpText('after', examples('man > /usr/local/share/man/man1/altgate.1', 'man | man --local-file -'))
    .action(() => void process.stdout.write(manualPage(program, version)))
}

const exitCodes: readonly (readonly [string, string])[] = [
  ['0', 'Done.'],
  ['1', 'Failed: one sentence on standard error says why.'],
  ['2', 'Wrong usage.'],
  ['3', 'It is not known whether a change is in force everywhere.'],
  ['78', 'The settings are refused: all complaints on standard error, each with its path.'],
  ['130', 'Ended by Ctrl-C at a prompt.'],
]

/** In roff, with the macros of man(7). */
function manualPage(program: Command, version: string): string {
  return [
    `.TH ALTGATE 1 "" "Altgate ${roff(version)}" "Altgate"`,
    '.SH NAME',
    `altgate \\- ${roff('a Basic-auth gateway for accounts that moved')}`,
    '.SH SYNOPSIS',
    '.B altgate',
    '.RI [ options ] " command"',
    '.SH DESCRIPTION',
    roff(program.description()),
    '.SH COMMANDS',
    ...leavesOf(program).flatMap(command => [
      `.SS ${roff(pathOf(command))}`,
      '.EX',
      ...helpOf(command).split('\n').map(roff),
      '.EE',
    ]),
    '.SH EXIT STATUS',
    ...exitCodes.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, roff(meaning)]),
    '.SH ENVIRONMENT',
    '.TP',
    '.B ALTGATE_CONFIG',
    roff('The settings file, unless --config names one.'),
    '.TP',
    '.B ALTGATE__GROUP__KEY',
    roff('The setting group.key, in place of that in the file.'),
    '',
  ].join('\n')
}

function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf)
}

/** `man` indents by seven columns, and the right margin is as the terminal has it. */
const width = 72

/** The whole help text, as `--help` prints it where there is less room. */
function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: piece => void (text += fitted(piece, width)),
    getOutHelpWidth: () => width,
  })
  command.outputHelp()
  return text.trimEnd()
}

/** A line of text that roff shows as it is: hyphens can be copied, and nothing at its beginning is a request. */
function roff(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&')
}
