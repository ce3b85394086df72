import { html } from '../../../common/html.ts'
import type { Messages } from '../en.ts'
import { scopes, service, signInAs } from './scopes.ts'

const { keeper, name, reach } = scopes

export const profile: Messages['profile'] = {
  title: scope => `Alternative Zugangsdaten für ${name(scope)}`,
  heading: scope => html`Alternative Zugangsdaten <span class="name">für ${name(scope)}</span>`,
  lead: scope =>
    html`Ein Benutzername für git und andere Werkzeuge und für jedes davon ein eigenes Passwort. Beides gilt <strong>${reach(scope)}</strong>,
und nirgends sonst.`,
  notSaved: 'Es wurde noch nichts gespeichert',
  present: 'Ihre jetzigen Zugangsdaten',
  on: 'Aktiv',
  off: 'Deaktiviert',
  username: 'Benutzername',
  secondary: 'Zweiter Benutzername',
  main: 'Hauptpasswort',
  none: 'keines',
  noSecondary: 'keiner',
  mainSet: {
    chosen: at => html`selbst gewählt, festgelegt am ${at}`,
    generated: at => html`erzeugt, festgelegt am ${at}`,
  },
  lastUsed: 'Zuletzt verwendet',
  notYet: 'noch nicht',
  from: address => html`von ${address}`,
  add: 'Neues Passwort hinzufügen',
  setMain: 'Neues Hauptpasswort festlegen',
  again: 'Für Änderungen noch einmal anmelden',
  againWhy:
    'Ihre Anmeldung liegt schon einige Zeit zurück. Für Änderungen muss sie frisch sein, falls inzwischen eine andere Person diesen Browser verwendet.',
  signInAgain: 'Noch einmal anmelden',
  blocked:
    'Ihre Administration hat diese Zugangsdaten deaktiviert, und nur die Administration kann sie wieder aktivieren. Wenden Sie sich dorthin. Ein neues Passwort können Sie schon jetzt festlegen, es gilt aber erst danach.',
  offHint:
    'Deaktivierte Zugangsdaten werden abgelehnt, bis Sie sie wieder aktivieren. Das Passwort ändert sich nicht.',
  onHint:
    'Diese Zugangsdaten werden zurzeit abgelehnt. Wenn Sie sie aktivieren, gelten Benutzername und Passwort wieder wie zuvor.',
  switchOff: 'Deaktivieren',
  switchOn: 'Aktivieren',
  nameless: 'Ihre Administration muss das Passwort festlegen',
  namelessLead: scope =>
    html`Ihre Anmeldung enthielt keine E-Mail-Adresse, die sich als Benutzername eignet. Bitten Sie Ihre Administration um Zugangsdaten
für <b>${name(scope)}</b>, und nennen Sie ihr den Benutzernamen, den Sie haben möchten.`,
  namelessNext: link => html`Oder ${link('melden Sie sich mit einem anderen Konto an')}.`,
  taken: 'Ihr Benutzername ist vergeben',
  takenLead: username =>
    html`Die Zugangsdaten für ${username} gehören einer anderen Person. Sie können unter diesem Namen kein Passwort festlegen, bis Ihre
Administration das geklärt hat. Auch die andere Person wird benachrichtigt.`,
  contested: at =>
    html`Eine andere Person hat sich mit Ihrem Benutzernamen angemeldet, zuletzt am ${at}. Ihre Zugangsdaten kann sie nicht ändern.
Bitten Sie Ihre Administration, das zu klären.`,
  reach: 'Wo sie gelten',
  reachPersonal: account =>
    html`Bei allen Konten, bei denen man sich mit Microsoft-Konten anmeldet und auf die Sie Zugriff haben, zum Beispiel ${account}. Bei
allen gelten dieselben Zugangsdaten.`,
  reachPersonalLater: account =>
    html`Bei allen Konten, bei denen man sich mit Microsoft-Konten anmeldet und auf die Sie Zugriff haben, und nach dem Umzug auch bei
${account}. Bei allen gelten dieselben Zugangsdaten.`,
  reachDirectory: scope =>
    `Bei allen Konten, die mit dem Verzeichnis ${name(scope)} verbunden sind und auf die Sie Zugriff haben:`,
  more: many => html`und ${many} weitere`,
  afterItsMove: account => html`${account}, nach dem Umzug`,
  others: 'Andere Konten',
  othersLead:
    'Für alle Konten, bei denen man sich mit Microsoft-Konten anmeldet, haben Sie gemeinsame Zugangsdaten, und für jedes Verzeichnis eigene. Änderungen hier wirken sich nicht auf die anderen aus. Zieht ein Konto in ein anderes Verzeichnis um, gelten dort von da an die Zugangsdaten dieses Verzeichnisses.',
  openOther: 'Seite eines anderen Kontos öffnen',
  sets: 'Alle Ihre Zugangsdaten',
  noPassword: 'kein Passwort festgelegt',
  setOn: username => html`${username}, aktiv`,
  setOff: username => html`${username}, deaktiviert`,
  setBlocked: username => html`${username}, von Ihrer Administration deaktiviert`,
  signInAgainFor: scope => html`Noch einmal anmelden<span class="visually-hidden">: ${name(scope)}</span>`,
}

export const setting: Messages['setting'] = {
  first: 'Oder ein Hauptpasswort festlegen',
  another: 'Neues Hauptpasswort festlegen',
  lead: 'Ein Passwort für alle Werkzeuge, das nicht abläuft.',
  ends: 'Sobald Sie speichern, gilt das bisherige nirgends mehr. Passwörter mit Namen bleiben, wie sie sind.',
  free: 'Sie können es selbst wählen.',
  usernameFrom: 'Aus Ihrer Anmeldung.',
  renamed: username => html`Bis Sie speichern, gilt noch ${username}.`,
  secondary: 'Zweiter Benutzername (optional)',
  secondaryHint: at =>
    html`Für Werkzeuge, die das ${at} einer E-Mail-Adresse nicht annehmen. Das Passwort ist dasselbe. 1 bis 64 Buchstaben, Ziffern,
Punkte, Bindestriche oder Unterstriche; nicht der Benutzername einer anderen Person.`,
  password: 'Passwort',
  generate: 'Sicheres Passwort erzeugen',
  generateHint:
    'Wird einmal angezeigt, nachdem Sie gespeichert haben. Es lässt sich nicht erraten, und Programme, die Code nach Zugangsdaten durchsuchen, erkennen es.',
  choose: 'Passwort selbst wählen',
  chooseHint: 'Für Werkzeuge, in denen Sie es eintippen müssen.',
  newPassword: 'Neues Passwort',
  newPasswordHint: (shortest, tf) =>
    html`Mindestens ${shortest} Zeichen; am besten mehrere Wörter, die nichts miteinander zu tun haben. Nicht Ihr Name und nicht der des
Kontos, kein häufiges Passwort, kein Datum und keine Folge. Für ${tf} nur Buchstaben ohne Umlaute und Akzente, Ziffern und Satzzeichen:
Andere Zeichen kann es nicht senden.`,
  again: 'Neues Passwort wiederholen',
  save: 'Speichern',
  claim: 'Es gibt schon ein Passwort',
  claimLead: (username, scope) =>
    html`Ihre Administration hat Zugangsdaten für ${username} angelegt. Sie gelten ${reach(scope)}. Geben Sie deren Passwort einmal ein,
um zu zeigen, dass es Ihre sind; danach können Sie sie hier ändern.`,
  reclaim: 'Es wurde ein Passwort festgelegt',
  reclaimLead: username =>
    html`Ihre Administration hat ein neues Passwort für ${username} festgelegt. Geben Sie es einmal ein, um zu zeigen, dass es Ihres ist,
oder legen Sie unten ein anderes fest. Bis dahin geschieht damit nichts in Ihrem Namen.`,
  current: 'Jetziges alternatives Passwort',
  currentHint:
    'Das Passwort, das Sie von Ihrer Administration haben oder das git verwendet, nicht das, mit dem Sie sich anmelden.',
  claimIt: 'Zugangsdaten übernehmen',
  unknown: (username, scope) =>
    html`Sie kennen es nicht? Bitten Sie Ihre Administration um ein neues Passwort für ${username}, und zwar für <b>${name(scope)}</b>.`,
  unknownSet: 'Sie kennen es nicht? Legen Sie unten ein anderes fest.',
}

export const linking: Messages['linking'] = {
  heading: 'Anmeldungen verknüpfen',
  linked: scope => `Diese Identitäten sind mit der für ${name(scope)} verknüpft.`,
  unlinked: scope =>
    `Sie sind für ${name(scope)} und mit den folgenden Identitäten angemeldet. Wenn es Ihre sind, verknüpfen Sie sie.`,
  why: 'Bei einem Umzug zwischen ihnen kann die Administration des Kontos zulassen, dass das alte Passwort bei verknüpften Identitäten noch einige Stunden gilt.',
  noUsername: 'kein Benutzername',
  isLinked: 'verknüpft',
  linkedAs: username => html`${username}, verknüpft`,
  unlink: scope => html`Verknüpfung aufheben<span class="visually-hidden">: ${name(scope)}</span>`,
  unlinkNow: scope => html`Jetzt aufheben<span class="visually-hidden">: ${name(scope)}</span>`,
  unlinkHint:
    'Gilt nach einem Umzug ein altes Passwort nur wegen der Verknüpfung noch, wird es sofort ungültig. Ihre Zugangsdaten bleiben, wie sie sind. Um die Verknüpfung wiederherzustellen, melden Sie sich mit beiden an.',
  alsoMe: scope => html`Das bin auch ich<span class="visually-hidden"> (${name(scope)})</span>`,
  too: 'Zusätzlich für ein anderes Konto anmelden',
  tooHint:
    'Ihre jetzige Anmeldung bleibt erhalten, damit Sie beide verknüpfen können. Jede andere Anmeldung beendet sie.',
  go: 'Weiter',
  tooFor: scope => `Zusätzlich für ${name(scope)} anmelden`,
  tooForLead: scope => `Melden Sie sich mit ${signInAs(scope)} an. Ihre jetzige Anmeldung bleibt erhalten.`,
  back: 'Zurück, ohne sich anzumelden',
}

export const moving: Messages['moving'] = {
  heading: (account, day) => html`${account} zieht am ${day} um`,
  lead: (account, scope) =>
    html`Ihre Administration will ${account} an diesem Tag (UTC) umziehen. Von da an meldet man sich dort mit ${service(scope)} an, und es
gelten die Zugangsdaten, die Sie für ${name(scope)} festgelegt haben. Bis zum Umzug bleibt alles, wie es ist.`,
  prepare: 'Umzug vorbereiten',
  signInWith: scope => `Melden Sie sich mit ${signInAs(scope)} an.`,
  ready: 'Sie sind vorbereitet',
  readyNext: (username, scope) =>
    html`Verwenden Sie nach dem Umzug die Zugangsdaten von ${username} für ${name(scope)}.`,
  notReady: 'Noch nicht vorbereitet',
  notReadyNext: scope =>
    `Legen Sie vorher ein Passwort für ${name(scope)} fest, und tragen Sie es beim Umzug in Ihre Werkzeuge ein.`,
  readyButOff: scope => `Ihre Zugangsdaten für ${name(scope)} sind deaktiviert.`,
  there: scope => `Ihre Zugangsdaten für ${name(scope)}`,
  ahead: (account, day, link) =>
    html`Sie bereiten den Umzug von ${account} vor, der für den ${day} (UTC) geplant ist. Diese Zugangsdaten gelten dort erst, wenn Ihre
Administration das Konto umgezogen hat. Verwenden Sie bis dahin ${link('Ihre jetzigen')}.`,
  keep: 'Für den Umzug aufbewahren',
  keepHow: (account, day) =>
    html`Bei ${account} gilt dieses Passwort erst nach dem Umzug, der für den ${day} (UTC) geplant ist. Bewahren Sie es bis dahin in einem
Passwortmanager auf, und tragen Sie es noch nicht in Ihre Werkzeuge für ${account} ein: Es würde dort abgelehnt.`,
}

const daysAfter = (days: number) => (days === 1 ? 'einen Tag' : `${days} Tage`)

export const acting: Messages['acting'] = {
  first: 'Beim ersten Mal bittet Sie der Anmeldedienst, diesem Gateway Folgendes zu erlauben:',
  asYou: to =>
    html`<b>In Ihrem Namen auf ${to} zugreifen.</b> Ihre Pushes und anderen Anfragen erscheinen dort unter Ihrem Namen und mit Ihren
Berechtigungen.`,
  away: html`<b>Diesen Zugriff behalten, während Sie nicht da sind.</b> git und andere Werkzeuge laufen ohne Browser, deshalb erneuert
das Gateway den Zugriff ohne Sie.`,
  active: who =>
    html`<b>Prüfen, ob Ihr Konto aktiv ist.</b> Wenn ${who} Ihr Konto schließt, gelten auch Ihre alternativen Zugangsdaten nicht mehr.`,
  onlyReads: 'Das Gateway liest und ändert damit nichts.',
  onlyRequests: 'Das Gateway verwendet den Zugriff nur für Anfragen mit Ihren alternativen Zugangsdaten.',
  end: 'Sie können diese Erlaubnis jederzeit auf Ihrer Seite beenden.',
  heading: to => html`Ihre Anmeldung bei ${to}`,
  connected: 'Verbunden',
  known: (who, scope, since, renewed) =>
    html`Bei ${keeper(scope)}${who !== undefined && html` als ${who}`} bekannt seit ${since}, erneuert am ${renewed}.`,
  acts: (who, to, since, renewed) =>
    html`Handelt auf ${to} ${who === undefined ? 'in Ihrem Namen' : html`als ${who}`} seit ${since}, erneuert am ${renewed}.`,
  notNeeded: 'Zurzeit ist sie für kein Konto nötig.',
  afterUpstream:
    'Wenn Sie die Verbindung trennen, erfahren Ihre Werkzeuge, dass eine Anmeldung nötig ist. Ihre nächste Anmeldung hier stellt die Verbindung wieder her.',
  afterLiveness: scope =>
    `Wenn Sie die Verbindung trennen, bemerkt dieses Gateway nicht mehr, wenn ${keeper(scope)} Ihr Konto schließt, und Ihre alternativen Zugangsdaten gelten weiter. Ihre nächste Anmeldung hier stellt die Verbindung wieder her.`,
  afterLivenessDays: days =>
    `Wenn Sie die Verbindung trennen, werden Ihre alternativen Zugangsdaten ${daysAfter(days)} nach Ihrer letzten Anmeldung hier deaktiviert. Ihre nächste Anmeldung hier stellt die Verbindung wieder her.`,
  disconnect: 'Verbindung trennen',
  needed: 'Anmeldung nötig',
  unusable: at => html`Ihre Anmeldung vom ${at} kann nicht mehr verwendet werden.`,
  endings: {
    refused: at => html`Der Anmeldedienst hat sie am ${at} beendet.`,
    disconnected: at => html`Sie haben die Verbindung am ${at} getrennt.`,
    'signed-out': at => html`Ihre Administration hat sie am ${at} beendet.`,
    claims: at => html`Der Dienst hat am ${at} eine neue Anmeldung verlangt.`,
  },
  asks: 'Dieses Gateway bittet Sie, Folgendes zu erlauben:',
  asksFirst: to =>
    html`Ihre alternativen Zugangsdaten gelten für ${to}, sobald Sie sich einmal angemeldet und diesem Gateway Folgendes erlaubt haben:`,
  asksAgain:
    'Bis Sie sich wieder anmelden, erfahren Ihre Werkzeuge, dass eine Anmeldung nötig ist. Dieses Gateway bittet Sie, Folgendes zu erlauben:',
  unchecked: scope =>
    `Bis Sie sich anmelden, kann dieses Gateway nicht bemerken, wenn ${keeper(scope)} Ihr Konto schließt.`,
  uncheckedDays: days =>
    `Ihre alternativen Zugangsdaten werden ${daysAfter(days)} nach Ihrer letzten Anmeldung hier deaktiviert.`,
  signIn: to => html`Anmelden<span class="visually-hidden"> bei ${to}</span>`,
  same: 'Das Passwort in Ihren Werkzeugen bleibt dasselbe.',
  notConnected: 'Sie sind angemeldet, aber nicht verbunden',
  notAllowed: to =>
    html`Der Anmeldedienst hat diesem Gateway nicht erlaubt, den Zugriff auf ${to} für Sie zu behalten.`,
  earlier: 'Was Sie früher erlaubt haben, gilt weiter.',
  untilThenUnchecked: scope =>
    `Solange das so ist, kann das Gateway nicht bemerken, wenn ${keeper(scope)} Ihr Konto schließt.`,
  untilThenTold: 'Solange das so ist, erfahren Ihre Werkzeuge, dass eine Anmeldung nötig ist.',
  once: 'Versuchen Sie es noch einmal, und stimmen Sie zu, wenn der Anmeldedienst fragt. Hilft das nicht, geben Sie Ihrer Administration die Kennung unten auf der Seite.',
  toCredentials: 'Weiter zu Ihren Zugangsdaten',
}
