import { html, type Html } from '../html.ts'

/** The fault of each field, by its name, as a sentence. */
export type Faults = Readonly<
  Partial<
    Record<
      'password' | 'again' | 'secondary' | 'current' | 'how' | 'name' | 'ends' | 'access' | 'hours',
      string
    >
  >
>

interface Field {
  readonly name: keyof Faults
  readonly label: string
  readonly hint?: Html
  readonly fault: string | undefined
  /** Attributes of the input. */
  readonly input: Html
}

/** An input with its label, a hint, and what is wrong with it. */
export function field({ name, label, hint, fault: sentence, input }: Field): Html {
  const described = [hint && `${name}-hint`, sentence && `${name}-error`].filter(Boolean).join(' ')
  return html`<div class="field${sentence && ' wrong'}">
<label for="${name}">${label}</label>
${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
${fault(name, sentence)}
<input id="${name}" name="${name}" ${input}${described !== '' && html` aria-describedby="${described}"`}${
    sentence && html` aria-invalid="true"`
  }>
</div>`
}

/** What is wrong with a field, beside it. */
export function fault(name: string, sentence: string | undefined): Html | undefined {
  return sentence === undefined
    ? undefined
    : html`<p class="error" id="${name}-error"><span class="visually-hidden">Error:</span> ${sentence}</p>`
}
