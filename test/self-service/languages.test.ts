import t from 'tap'
import { languageFor } from '../../src/self-service/languages.ts'
import { de } from '../../src/self-service/messages/de.ts'
import { en } from '../../src/self-service/messages/en.ts'
import { Browser, headingOf, posting, type Seen, titleOf } from './browser.ts'
import { aLab, choose, generate, signIn, visitor } from './lab.ts'

for (const [accepted, language] of [
  [undefined, 'en'],
  ['', 'en'],
  ['de', 'de'],
  ['DE-at', 'de'],
  ['de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7', 'de'],
  ['en-GB,en;q=0.9,de;q=0.8', 'en'],
  ['fr,de;q=0.5,en;q=0.3', 'de'],
  ['en;q=0.3 , de ; q=0.8', 'de'],
  ['de;q=0', 'en'],
  ['de;q=0.0, en;q=0.1', 'en'],
  ['fr', 'en'],
  ['*', 'en'],
  ['*;q=0.5, de', 'de'],
  ['de;q=0.5, *', 'en'],
  ['de, en', 'de'],
  ['en, de', 'en'],
  ['deu', 'en'],
  ['de;q=2', 'en'],
  ['de;q=x, en', 'en'],
  ['\u0000', 'en'],
  ['x,'.repeat(100_000), 'en'],
] as const)
  t.test(`Accept-Language: ${accepted?.slice(0, 40)} is ${language}`, async t => {
    t.equal(languageFor(accepted), language)
  })

t.test('a page is in the language of its reader, and says so', async t => {
  const lab = await aLab(t)
  const german = { headers: { 'accept-language': 'de-DE,de;q=0.9,en;q=0.5' } }
  const ask = (path: string, how = {}) => new Browser().ask(`${lab.url}/_altgate/${path}`, how)
  for (const [path, title, words] of [
    ['', 'Welches Konto?', 'Um welches Konto geht es?'],
    ['?account=contoso', 'Anmelden und Zugangsdaten für contoso festlegen', 'Melden Sie sich zuerst an'],
    ['?account=%20', 'Fehler: Dieses Konto gibt es nicht', 'Ein Kontoname hat 1 bis 63 Buchstaben'],
    ['nothing', 'Seite nicht gefunden', 'Zur Startseite'],
    ['?account=%ff', 'Diese Anfrage wurde nicht verstanden', 'Es wurde nichts geändert.'],
    ['callback?state=x', 'Diese Anmeldung kann nicht abgeschlossen werden', 'Beginnen Sie noch einmal'],
  ] as const) {
    const seen = await ask(path, german)
    t.equal(titleOf(seen.text), `${title} – Altgate`)
    t.match(seen.text, words)
    t.match(seen.text, '<html lang="de">')
    t.match(seen.text, 'Zum Inhalt springen')
    t.equal(seen.headers.get('content-language'), 'de')
    t.equal(seen.headers.get('vary'), 'Accept-Language')
    const english = await ask(path)
    t.match(english.text, '<html lang="en">')
    t.equal(english.headers.get('content-language'), 'en')
    t.equal(english.headers.get('vary'), 'Accept-Language')
    t.equal(english.status, seen.status)
    t.not(titleOf(english.text), titleOf(seen.text))
  }

  const { browser } = await visitor(lab, 'contoso')
  const profile = await browser.ask(lab.page('contoso'), german)
  t.match(profile.text, '<html lang="de">')
  t.equal(profile.headers.get('content-language'), 'de')
  t.equal(headingOf(profile.text), 'Alternative Zugangsdaten für Contoso')
})

t.test('a whole visit in German, with what is answered to each form', async t => {
  const lab = await aLab(t)
  const browser = new Browser('de-DE')
  const first = await signIn(lab, browser, 'contoso')
  const shows = (seen: Seen, title: string, ...parts: readonly string[]) => {
    t.equal(titleOf(seen.text), `${title} – Altgate`)
    for (const part of parts) t.match(words(seen.text), part)
    t.match(seen.text, '<html lang="de">')
    t.equal(seen.headers.get('content-language'), 'de')
    t.equal(seen.headers.get('vary'), 'Accept-Language')
  }
  const own = 'Alternative Zugangsdaten für Contoso'
  shows(first, own, 'Oder ein Hauptpasswort festlegen')
  const short = await browser.send(first, '/credential', choose('kurz'))
  shows(
    short,
    `Fehler: ${own}`,
    'Es wurde noch nichts gespeichert',
    'Das Passwort hat weniger als 10 Zeichen.',
  )
  t.equal(short.status, 422)
  const fields = { name: '', ends: '2200-01-01', access: 'read' }
  const wrong = await browser.send(short, '/password', fields)
  shows(
    wrong,
    `Fehler: ${own}`,
    'Geben Sie einen Namen ein',
    'innerhalb von 730 Tagen ablaufen: spätestens am ',
  )
  shows(await browser.send(wrong, '/credential', generate), 'Gespeichert: Kopieren Sie Ihr neues Passwort')
  const again = await browser.send(wrong, '/credential', generate)
  shows(again, own, 'Dieses Formular wurde schon gesendet')
  const off = await browser.send(again, '/switch')
  shows(off, `Überall deaktiviert. ${own}`, 'Deaktiviert')
  shows(
    await browser.go(`${lab.url}/_altgate/`),
    'Welches Konto?',
    'Alle Ihre Zugangsdaten',
    'anna@example.com, deaktiviert',
  )
  shows(
    await browser.go(lab.page('x')),
    'Fehler: Dieses Konto gibt es nicht',
    'Es gibt kein Konto mit diesem Namen',
  )
  shows(await browser.send(off, '/sign-out'), 'Abgemeldet')
})

t.test('times say their zone, and days their month', async t => {
  const at = Date.UTC(2026, 11, 3, 9, 5)
  t.equal(words(en.times.moment(at).text), '3 Dec 2026, 09:05 UTC')
  t.equal(words(de.times.moment(at).text), '3.\u{A0}Dez. 2026, 09:05 UTC')
  t.match(de.times.moment(at).text, 'datetime="2026-12-03T09:05:00.000Z"')
  t.equal(en.times.day('2027-01-02'), '2 January 2027')
  t.equal(de.times.day('2027-01-02'), '2.\u{A0}Januar 2027')
  t.strictSame(
    [en, de].map(({ times }) => times.number(1200)),
    ['1,200', '1.200'],
  )
})

t.test('what tools see stays in English', async t => {
  const lab = await aLab(t)
  const headers = { 'accept-language': 'de' }
  const answer = await fetch(`${lab.url}/contoso/x.git/info/refs`, { headers })
  t.match(await answer.text(), 'Sign in with your alternate credentials.')
  t.equal(answer.headers.get('content-language'), null)
  const asBrowser = { ...headers, accept: 'text/html', 'sec-fetch-mode': 'navigate' }
  const page = await new Browser().ask(`${lab.url}/contoso/x`, { headers: asBrowser })
  t.match(page.text, '<html lang="en">', 'the same sentences for a browser')
  t.match(page.text, 'Sign in with your alternate credentials.')
  const helper = await new Browser('de').ask(`${lab.url}/_altgate/oauth/token`, posting({ client_id: 'x' }))
  t.equal(helper.headers.get('content-language'), null)
  t.match(JSON.parse(helper.text), { error: /^[a-z_]+$/ })
})

/** A page as text. */
function words(html: string): string {
  return html.replace(/<[^>]+>/g, '').replace(/[ \n]+/g, ' ')
}
