import type { Command, Option } from 'commander'
import { examples } from './help.ts'

const about = `
Prints a script that completes commands and options. It is made from the
commands themselves, so print it again after an update.`

/** `altgate completion`. */
export function addCompletionCommand(program: Command): void {
  const completion = program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addHelpText('after', about)
    .addHelpText(
      'after',
      examples(
        'completion bash > /etc/bash_completion.d/altgate',
        'completion zsh > /usr/local/share/zsh/site-functions/_altgate',
        'completion fish > ~/.config/fish/completions/altgate.fish',
      ),
    )
  for (const [shell, script] of Object.entries({ bash, zsh, fish }))
    completion
      .command(shell)
      .description(`for ${shell}`)
      .action(() => void process.stdout.write(script(placesOf(program))))
}

/** What can follow the words of a command so far. */
interface Place {
  /** `account add`; empty for the program itself. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly Choice[]
}

interface Choice {
  /** `--upstream` */
  readonly flag: string
  readonly takesValue: boolean
  readonly description: string
}

function placesOf(program: Command): readonly Place[] {
  const globals = program.options.filter(({ long }) => long !== '--version')
  const below = (command: Command, path: string): readonly Place[] => {
    const { commands } = command
    const own = command.options.filter(({ hidden }) => !hidden)
    const options = command === program ? own : [...own, ...globals]
    const place: Place = {
      path,
      commands: commands.map(each => ({ name: each.name(), description: oneLine(each.description()) })),
      options: [...options.flatMap(choice), { flag: '--help', takesValue: false, description: 'show help' }],
    }
    return [place, ...commands.flatMap(each => below(each, `${path} ${each.name()}`.trim()))]
  }
  return below(program, '')
}

function choice({ long, required, optional, description }: Option): readonly Choice[] {
  if (!long) return []
  return [{ flag: long, takesValue: required || optional, description: oneLine(description) }]
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}

/** As one word for any of these shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** `account add --upstream`: the options whose next word is their value. One of the same name may take none elsewhere. */
function takingValue(places: readonly Place[]): readonly string[] {
  return places.flatMap(({ path, options }) =>
    options.filter(({ takesValue }) => takesValue).map(({ flag }) => `${path} ${flag}`),
  )
}

/** The words typed so far, without options and their values, as far as they are commands. */
function pathWalk(places: readonly Place[]): string {
  const known = places.filter(({ path }) => path !== '').map(({ path }) => quoted(path))
  return `    case "$at $word" in ${taking(places)}) skip=1; continue ;; esac
    case "$word" in
      -*) ;;
      *) case "\${at:+$at }$word" in ${known.join('|')}) at="\${at:+$at }$word" ;; esac ;;
    esac`
}

function taking(places: readonly Place[]): string {
  return takingValue(places).map(quoted).join('|')
}

function bash(places: readonly Place[]): string {
  const cases = places.map(({ path, commands, options }) => {
    const words = [...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)]
    return `    ${quoted(path)}) words=${quoted(words.join(' '))} ;;`
  })
  return `# bash completion of altgate; made by: altgate completion bash
_altgate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" at='' skip='' word words=''
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [ -n "$skip" ]; then skip=''; continue; fi
${pathWalk(places)}
  done
  if [ -n "$skip" ]; then mapfile -t COMPREPLY < <(compgen -f -- "$current"); return; fi
  case "$at" in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -F _altgate altgate
`
}

function zsh(places: readonly Place[]): string {
  const described = (name: string, description: string) =>
    quoted(`${name.replaceAll(':', '\\:')}:${description}`)
  const cases = places.map(({ path, commands, options }) => {
    const all = [
      ...commands.map(each => described(each.name, each.description)),
      ...options.map(({ flag, description }) => described(flag, description)),
    ]
    return `    ${quoted(path)}) choices=(${all.join(' ')}) ;;`
  })
  return `#compdef altgate
# zsh completion of altgate; made by: altgate completion zsh
_altgate() {
  local at='' skip='' word
  local -a choices
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n "$skip" ]]; then skip=''; continue; fi
${pathWalk(places)}
  done
  if [[ -n "$skip" ]]; then _files; return; fi
  case "$at" in
${cases.join('\n')}
  esac
  _describe altgate choices
}
if [[ "\${funcstack[1]}" = _altgate ]]; then _altgate "$@"; else compdef _altgate altgate; fi
`
}

function fish(places: readonly Place[]): string {
  // In fish's single quotes, a backslash is one before a quote or another backslash.
  const text = (words: string) => `'${words.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = places.flatMap(({ path, commands, options }) => {
    const here = `complete -c altgate -n ${text(`__altgate_at ${text(path)}`)}`
    return [
      ...commands.map(({ name, description }) => `${here} -f -a ${text(name)} -d ${text(description)}`),
      ...options.map(
        ({ flag, takesValue, description }) =>
          `${here} ${takesValue ? '-r' : '-f'} -l ${flag.slice(2)} -d ${text(description)}`,
      ),
    ]
  })
  const known = places.filter(({ path }) => path !== '').map(({ path }) => text(path))
  return `# fish completion of altgate; made by: altgate completion fish
function __altgate_at
  set -l at ''
  set -l skip ''
  for word in (commandline -opc)[2..-1]
    if test -n "$skip"
      set skip ''
      continue
    end
    if contains -- "$at $word" ${takingValue(places).map(text).join(' ')}
      set skip 1
      continue
    end
    switch $word
      case '-*'
      case '*'
        set -l next (string trim -- "$at $word")
        if contains -- $next ${known.join(' ')}
          set at $next
        end
    end
  end
  test "$at" = "$argv[1]"
end
complete -c altgate -f
${lines.join('\n')}
`
}
