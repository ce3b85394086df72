import t from 'tap'
import { languageFor } from '../../src/self-service/languages.ts'
import { Browser, headingOf, titleOf } from './browser.ts'
import { aLab, visitor } from './lab.ts'

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

t.test('what tools see stays in English', async t => {
  const lab = await aLab(t)
  const headers = { 'accept-language': 'de' }
  const answer = await fetch(`${lab.url}/contoso/x.git/info/refs`, { headers })
  t.match(await answer.text(), 'Sign in with your alternate credentials.')
  t.equal(answer.headers.get('content-language'), null)
})
