import { de } from './messages/de.ts'
import { en, type Messages } from './messages/en.ts'

/** The sentences of the page, by language. */
export const messages = { en, de } satisfies Readonly<Record<string, Messages>>

export type Language = keyof typeof messages

/**
 * The language of an answer (RFC 9110, 12.5.4): the one with the highest weight, the first of equals. A range such as `de-AT` is
 * served in German. English if the browser names none of them.
 */
export function languageFor(accepted: string | undefined): Language {
  let chosen: Language = 'en'
  let most = 0
  for (const range of (accepted ?? '').split(',', mostRanges)) {
    const [, tag = '', weight = '1'] =
      /^\s*([a-z*]{1,8})(?:-[a-z\d-]*)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*$/i.exec(range) ?? []
    const language = tag === '*' ? 'en' : languages.find(each => each === tag.toLowerCase())
    if (language === undefined || Number(weight) <= most) continue
    chosen = language
    most = Number(weight)
  }
  return chosen
}

const languages = Object.keys(messages) as readonly Language[] // no language is added later

/** Ranges that are read of a header: no browser sends more. */
const mostRanges = 32
