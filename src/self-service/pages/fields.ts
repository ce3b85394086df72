import { html, type Html, type Said } from '../html.ts'
import type { Messages } from '../messages/en.ts'

/** The fault of each field, by its name, as a sentence. */
export type Faults = Readonly<
  Partial<
    Record<
      'password' | 'again' | 'secondary' | 'current' | 'how' | 'name' | 'ends' | 'access' | 'hours',
      Said<string>
    >
  >
>

interface Field {
  readonly name: keyof Faults | 'account' | 'user_code'
  readonly label: string
  readonly hint?: Html | string
  readonly fault: Said<string> | undefined
  /** Attributes of the input. */
  readonly input: Html
}

/** An input with its label, a hint, and what is wrong with it. */
export function field(messages: Messages, { name, label, hint, fault: sentence, input }: Field): Html {
  const described = [hint && `${name}-hint`, sentence && `${name}-error`].filter(Boolean).join(' ')
  return html`<div class="field${sentence && ' wrong'}">
<label for="${name}">${label}</label>
${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
${fault(messages, name, sentence)}
<input id="${name}" name="${name}" ${input}${described !== '' && html` aria-describedby="${described}"`}${
    sentence && html` aria-invalid="true"`
  }>
</div>`
}

/** What is wrong with a field, beside it. */
export function fault(
  messages: Messages,
  name: string,
  sentence: Said<string> | undefined,
): Html | undefined {
  return sentence === undefined
    ? undefined
    : html`<p class="error" id="${name}-error"><span class="visually-hidden">${messages.frame.error}</span> ${sentence(messages)}</p>`
}
