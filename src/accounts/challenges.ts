/** The parameters of every `Bearer` challenge in these `WWW-Authenticate` lines; none for a bare `Bearer`. */
export function bearerChallenges(lines: readonly string[]): readonly ReadonlyMap<string, string>[] {
  return lines.flatMap(line => {
    const found: Map<string, string>[] = []
    let current: Map<string, string> | undefined
    for (const item of itemsOf(line)) {
      const parameter = parameterIn(item)
      if (parameter === undefined) {
        const [scheme = '', ...rest] = item.split(/\s+/)
        current = scheme.toLowerCase() === 'bearer' ? new Map() : undefined
        if (current !== undefined) found.push(current)
        const first = parameterIn(rest.join(' '))
        if (first !== undefined) current?.set(...first)
      } else current?.set(...parameter)
    }
    return found
  })
}

/** Cut at the commas outside of quotes: one line may hold several challenges, and each several parameters (RFC 9110, 11.6.1). */
function itemsOf(line: string): readonly string[] {
  const items = line.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []
  return items.map(item => item.trim()).filter(item => item !== '')
}

/** `name=value`, quoted or, as Azure DevOps writes it, an address without quotes. */
function parameterIn(item: string): [name: string, value: string] | undefined {
  const [, name, quoted, plain] =
    /^([\w.!#$%&'*+^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^"\s]*))$/.exec(item) ?? []
  if (name === undefined) return undefined
  return [name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '']
}
