import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Html } from '../../src/common/html.ts'
import type { Page } from '../../src/self-service/html.ts'
import { messages as languages, type Language } from '../../src/self-service/languages.ts'
import { en, type Messages } from '../../src/self-service/messages/en.ts'
import { checkout } from '../support/program.ts'
import { everyPage } from './every-page.ts'

/** Called with the place of a sentence and with what it said; gives what is to be said instead. */
type Listener = (path: string, said: Html | string) => Html | string

/** The same messages; `heard` is told of each that is used. */
function overheard<T extends object>(said: T, heard: Listener, path = ''): T {
  return new Proxy(said, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key)
      const here = `${path}${String(key)}`
      if (typeof value === 'string' || value instanceof Html) return heard(here, value)
      if (typeof value === 'function')
        return (...given: unknown[]) => heard(here, Reflect.apply(value, undefined, given) as Html | string)
      return overheard(value as object, heard, `${here}.`)
    },
  })
}

/** Title and main part of a page, as HTML. */
function rendered({ title, main }: Page, messages: Messages): string {
  const name = typeof title === 'string' ? title : title(messages)
  return `${name} ${main instanceof Html ? main.text : main(messages).text}`
}

/** What users read or hear, without marks and with single spaces. */
function words(html: string): string {
  return html
    .replace(/<[^>]+>/g, tag => {
      const attributes = tag.matchAll(/ (?:aria-label|data-label|title|alt|placeholder)="([^"]*)"/g)
      return ` ${[...attributes].map(([, text]) => text).join(' ')} `
    })
    .replace(/\s+/g, ' ')
    .trim()
}

function textOf(said: Html | string): string {
  return words(said instanceof Html ? said.text : said)
}

/** Every page as words, and everything that was said on them, by its place in the message files. */
function read(language: Language) {
  const said = new Map<string, Set<string>>()
  const heard: Listener = (path, sentence) => {
    if (!path.startsWith('times.')) said.set(path, (said.get(path) ?? new Set()).add(textOf(sentence)))
    return sentence
  }
  const all = overheard(languages[language], heard)
  const pages = Object.entries(everyPage).map(([name, page]) => [name, words(rendered(page, all))] as const)
  return { pages, said, sentences: new Set([...said.values()].flatMap(each => [...each])) }
}

const all = Object.fromEntries(
  (Object.keys(languages) as Language[]).map(each => [each, read(each)]), // as in `languages`
) as Readonly<Record<Language, ReturnType<typeof read>>>

/** What is not to be translated: names, and words that both languages have. */
const shared: Readonly<Record<Exclude<Language, 'en'>, readonly string[]>> = {
  de: ['passwords.name', 'saved.repository', 'asking.code'],
}

/** The places of all sentences. */
function placesIn(said: object, path = ''): readonly string[] {
  return Object.entries(said).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && !(value instanceof Html)
      ? placesIn(value, `${path}${key}.`)
      : [`${path}${key}`],
  )
}

/** Whether a text has a sentence in it, and not only its letters. */
function says(text: string, sentence: string): boolean {
  const at = text.indexOf(sentence)
  if (at === -1) return false
  const around = [text[at - 1] ?? ' ', text[at + sentence.length] ?? ' ']
  return !around.some(each => /[\p{L}\p{N}-]/u.test(each)) || says(text.slice(at + 1), sentence)
}

for (const [language, { pages, sentences, said }] of Object.entries(all)) {
  t.test(`no page in ${language} has a sentence of another language`, async t => {
    const others = Object.entries(all).filter(([other]) => other !== language)
    const foreign = others.flatMap(([, other]) => [...other.sentences]).filter(each => !sentences.has(each))
    t.ok(foreign.length > 300, `${foreign.length} sentences differ`)
    t.strictSame(
      pages.flatMap(([name, text]) =>
        foreign.filter(each => says(text, each)).map(each => `${name}: ${each}`),
      ),
      [],
    )
  })
  if (language === 'en') continue
  t.test(`every sentence in ${language} is translated`, async t => {
    const same = [...said].filter(([path, each]) => [...each].some(one => all.en.said.get(path)?.has(one)))
    t.strictSame(
      same.map(([path]) => path).filter(path => !/^scopes\.(?:name|keeper)$/.test(path)),
      shared[language as keyof typeof shared],
    )
  })
}

t.test('every sentence is on one of the pages', async t => {
  const { said } = all.en
  // What is around a page, and what languages do to times.
  const elsewhere = /^(?:times\.|frame\.)/
  t.strictSame(
    placesIn(en).filter(path => !said.has(path) && !elsewhere.test(path)),
    [],
  )
})

t.test('every sentence is used', async t => {
  const folder = join(checkout, 'src', 'self-service')
  const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !path.startsWith('messages'))
    .map(path => readFileSync(join(folder, path), 'utf8'))
    .join('\n')
  for (const area of ['frame', 'notes', 'faults'] as const)
    for (const key of Object.keys(en[area]))
      t.ok(source.includes(`.${key}`) || source.includes(`'${key}'`), `${area}.${key}`)
})

t.test('a page says nothing that is not in the message files', async t => {
  const silent: Listener = (_, said) => (said instanceof Html ? new Html('') : '')
  const none = overheard(en, silent)
  // Names of programs and people, and what stands in terminals.
  const data =
    /<(code|pre)[^>]*>[^]*?<\/\1>|anna(?:\.k)?(?:@example\.com)?|fabrikam|\bn-\d+|Git Credential Manager|git-credential-oauth|\btf\b|Azure DevOps|build-7|laptop|\d+\.\d+\.\d+\.\d+|git\/[\d.]+|&lt;code&gt;0&lt;\/code&gt;|\bp-[\w-]+/g
  for (const [name, page] of Object.entries(everyPage)) {
    t.equal(typeof page.main, 'function', `${name} is in the language of its reader`)
    t.notMatch(words(rendered(page, none).replace(data, '')), /\p{L}/u, name)
  }
})

t.test('a page that is built with a fixed sentence is found', async t => {
  const fixed: Page = { status: 200, title: 'Saved', main: () => new Html('<p aria-label="Saved"></p>') }
  t.match(words(rendered(fixed, en)), 'Saved Saved')
  t.ok(says('Es wurde nichts Saved.', 'Saved'))
  t.notOk(says('Programm', 'Program'))
})
