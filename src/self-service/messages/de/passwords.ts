import { html } from '../../../common/html.ts'
import { longestPassword } from '../../../gateway/names.ts'
import { longestPasswordName } from '../../../gateway/registry.ts'
import { shortestPassword } from '../../../passwords/common.ts'
import type { Messages } from '../en.ts'
import { scopes, times } from './scopes.ts'

const { reach } = scopes

export const passwords: Messages['passwords'] = {
  heading: 'Ihre erzeugten Passwörter',
  main: 'Hauptpasswort',
  noneWorks: 'Keines davon gilt mehr.',
  name: 'Name',
  ends: 'Ablauf',
  lastUsed: 'Zuletzt verwendet',
  change: 'Ändern',
  never: 'nie',
  endsSoon: 'Läuft bald ab',
  readWrite: 'Lesen und schreiben',
  readOnly: 'Nur lesen',
  set: (right, at) => html`${right}, festgelegt am ${at}`,
  setBy: (right, at, client) => html`${right}, festgelegt am ${at} von ${client}`,
  endOfDay: day => html`${day}, Tagesende (UTC)`,
  replaced: 'Ersetzt',
  replacedInUse: 'Ersetzt, noch verwendet',
  notYet: 'noch nicht',
  from: address => html`von ${address}`,
  byFrom: (tool, address) => html`mit ${tool} von ${address}`,
  notSince: 'Seit der Ersetzung nicht mehr',
  replace: which => html`Ersetzen<span class="visually-hidden">: ${which}</span>`,
  revoke: which => html`Widerrufen<span class="visually-hidden">: ${which}</span>`,
  revokeNow: which => html`Jetzt widerrufen<span class="visually-hidden">: ${which}</span>`,
  revokeHint: 'Was dieses Passwort verwendet, hat sofort keinen Zugriff mehr.',
  revokeAll: 'Alle widerrufen',
  revokeAllNow: 'Jetzt alle widerrufen',
  revokeAllHint: many =>
    html`Alle ${many} Passwörter mit Namen werden sofort und überall ungültig. Ein Hauptpasswort bleibt.`,
  ended: many => html`Passwörter, die nicht mehr gelten (${many})`,
  over: {
    'past-its-end': at => html`Abgelaufen am ${at}.`,
    replaced: at => html`Ersetzt am ${at}.`,
    revoked: at => html`Widerrufen am ${at}.`,
  },
  neverUsed: 'Nie verwendet.',
  usedFrom: (at, address) => html`Zuletzt verwendet am ${at} von ${address}.`,
  add: 'Neues Passwort hinzufügen',
  replacing: which => html`${which} ersetzen`,
  replacingLead: 'Ein neues Passwort tritt an seine Stelle.',
  addInstead: 'Stattdessen ein weiteres hinzufügen',
  addLead: 'Für ein einzelnes Werkzeug oder einen Rechner. Altgate erzeugt es, und es läuft von selbst ab.',
  addFirst: username => html`Der Benutzername ist ${username}.`,
  addMore: 'Ihre anderen Passwörter bleiben, wie sie sind.',
  full: most =>
    html`Sie haben ${most} Passwörter mit Namen, und mehr sind nicht möglich. Widerrufen oder ersetzen Sie eines.`,
  nameHint: (one, other) => html`Wofür es ist, zum Beispiel ${one} oder ${other}.`,
  lastDay: 'Letzter Tag',
  lastDayHint: latest => html`Am Ende dieses Tages (UTC) läuft es ab. Spätestens am ${latest}.`,
  lastDayOrNone: latest =>
    html`Am Ende dieses Tages (UTC) läuft es ab. Spätestens am ${latest}; leer lassen, damit es nicht abläuft.`,
  access: 'Was damit erlaubt ist',
  readWriteHint: 'Alles, was Sie selbst dürfen.',
  readOnlyHint: 'Klonen und Fetch, aber kein Push, Upload oder Check-in.',
  hours: 'Stunden, die das bisherige noch gilt',
  hoursHint: most => html`0 bis ${most}. Bei 0 wird es sofort ungültig.`,
  doReplace: 'Passwort ersetzen',
  doAdd: 'Passwort erzeugen',
}

const hoursMore = (hours: number) =>
  hours === 1 ? 'noch eine Stunde' : `noch ${times.number(hours)} Stunden`

export const saved: Messages['saved'] = {
  heading: 'Gespeichert',
  title: 'Gespeichert: Ihr neues Passwort',
  copyTitle: 'Gespeichert: Kopieren Sie Ihr neues Passwort',
  main: scope =>
    `Das neue Hauptpasswort gilt jetzt überall, und zwar ${reach(scope)}. Das bisherige gilt nicht mehr; Passwörter mit Namen bleiben, wie sie sind.`,
  named: (name, scope, until, readOnly) =>
    html`Das Passwort ${name} gilt ${reach(scope)}${until !== undefined && html`, und zwar bis ${until}`}.${readOnly && ' Es erlaubt nur das Lesen.'}`,
  othersStay: 'Ihre anderen Passwörter bleiben, wie sie sind.',
  replacedEnded: 'Das bisherige gilt nicht mehr.',
  replacedWorks: hours => `Das bisherige gilt ${hoursMore(hours)}.`,
  back: 'Zurück zu Ihren Zugangsdaten',
  off: 'Diese Zugangsdaten sind deaktiviert, deshalb gilt das neue Passwort noch nicht.',
  offByOperator: 'Ihre Administration hat sie deaktiviert: Wenden Sie sich dorthin.',
  switchOn: link => html`${link('Aktivieren Sie sie')}.`,
  yours: 'Ihr neues Passwort',
  once: 'Dieses Passwort wird nur einmal angezeigt. Kopieren Sie es jetzt; wenn es verloren geht, erzeugen Sie ein anderes.',
  copyIt: 'Passwort kopieren',
  use: 'In Ihren Werkzeugen verwenden',
  ask: 'Von git danach fragen lassen',
  askHow: username =>
    html`Führen Sie den fehlgeschlagenen Befehl noch einmal aus. Geben Sie als Benutzernamen ${username} und das neue Passwort ein.`,
  copyFetch: 'Fetch-Befehl kopieren',
  copyClone: 'Clone-Befehl kopieren',
  repository: 'REPOSITORY',
  yourPassword: 'IHR-PASSWORT',
  store: 'Oder in git hinterlegen (Credential Helper)',
  storeHow: approve =>
    html`Für Builds und andere Aufgaben, die unbeaufsichtigt laufen. Führen Sie ${approve} aus, fügen Sie diese Zeilen ein, und drücken
Sie zweimal die Eingabetaste. Diese Zeilen gehen nur an git: Weder der Verlauf Ihrer Shell noch die Prozessliste zeigt sie.`,
  copyLines: 'Zeilen für git kopieren',
  block:
    'Dasselbe als ein Block für ein Terminal (unter Windows: Git Bash). Ihre Shell behält den Block vielleicht in ihrem Verlauf, mit dem Passwort darin.',
  copyBlock: 'Block für das Terminal kopieren',
  tf: login =>
    html`Mit ${login} steht das Passwort in der Befehlszeile: Ihre Shell behält es vielleicht in ihrem Verlauf, und andere Benutzer des
Rechners können es in der Prozessliste sehen, solange tf läuft. Wenn Sie ${login} und alles danach weglassen, fragt tf nach Benutzername
und Passwort.`,
  copyTf: 'tf-Befehl kopieren',
  keepBoth: path =>
    html`Wenn Sie auf diesem Rechner mehrere Zugangsdaten für dieses Gateway verwenden, stellen Sie git zuerst so ein, dass es sie
auseinanderhält (ergänzen Sie dann in den Zeilen oben für jedes Repository ${path}):`,
  copySetting: 'Einstellung kopieren',
}

export const faults: Messages['faults'] = {
  current: 'Geben Sie das jetzige Passwort ein.',
  notCurrent: 'Das ist nicht das jetzige Passwort.',
  how: 'Wählen Sie, wie das Passwort festgelegt wird.',
  empty: 'Geben Sie ein Passwort ein.',
  again: 'Die Passwörter stimmen nicht überein. Geben Sie zweimal dasselbe ein.',
  secondary:
    'Der zweite Benutzername muss aus 1 bis 64 Buchstaben, Ziffern, Punkten, Bindestrichen oder Unterstrichen bestehen.',
  secondaryTaken: 'Dieser Benutzername ist vergeben. Wählen Sie einen anderen.',
  name: {
    empty: 'Geben Sie einen Namen ein, zum Beispiel build-7.',
    long: `Ein Name hat höchstens ${longestPasswordName} Zeichen.`,
    control: 'Ein Name darf keine Steuerzeichen enthalten.',
    space: 'Ein Name darf nicht mit einem Leerzeichen beginnen oder enden.',
  },
  nameTaken:
    'Sie haben schon ein Passwort mit diesem Namen. Wählen Sie einen anderen Namen, oder ersetzen Sie das Passwort in der Tabelle.',
  end: {
    endless: () => 'Ein Passwort muss ablaufen: Wählen Sie einen Tag.',
    'no-day': () => 'Geben Sie einen Tag in der Form 2027-01-31 an.',
    past: () => 'Der letzte Tag darf nicht in der Vergangenheit liegen.',
    far: (days, last) =>
      `Das Passwort muss innerhalb von ${times.number(days)} Tagen ablaufen: spätestens am ${times.day(last)}.`,
  },
  access: 'Wählen Sie, was das Passwort erlaubt.',
  hours: most => `Geben Sie ganze Stunden an, höchstens ${times.number(most)}.`,
}

export const flaws: Messages['flaws'] = {
  sentences: {
    'control-character': 'Das Passwort enthält ein Steuerzeichen.',
    // Put together when it is asked for: see `timesIn`.
    get 'too-long'() {
      return `Das Passwort ist länger als ${times.number(longestPassword)} Byte.`
    },
    'looks-generated':
      'Das Passwort beginnt mit agp_ wie ein erzeugtes, aber Altgate hat es nicht erzeugt. Vielleicht ist es vertippt oder abgeschnitten.',
    generated:
      'Dieses Passwort hat Altgate erzeugt, und es kann nicht noch einmal festgelegt werden. Lassen Sie Altgate ein anderes erzeugen.',
    'too-short': `Das Passwort hat weniger als ${shortestPassword} Zeichen.`,
    'same-as-username': 'Das Passwort ist dem Benutzernamen zu ähnlich.',
    'same-as-names':
      'Das Passwort ist den Namen dieses Gateways, seines Kontos oder seines Verzeichnisses zu ähnlich.',
    common: 'Das Passwort ist zu häufig. Häufige Passwörter werden bei Angriffen zuerst probiert.',
    'like-common':
      'Das Passwort ist ein häufiges mit wenigen Zusätzen. Solche Abwandlungen werden bei Angriffen früh probiert.',
    'few-words':
      'Das Passwort besteht aus zu wenigen Wörtern oder Namen. Bei Angriffen werden Kombinationen aus häufigen probiert.',
    repeat: 'Das Passwort wiederholt dieselben Zeichen und ist dadurch leicht zu erraten.',
    sequence: 'Das Passwort ist eine Folge wie abcdef oder 654321 oder kaum mehr als das.',
    date: 'Das Passwort ist ein Datum oder ein Jahr oder kaum mehr als das.',
    keyboard: 'Das Passwort folgt benachbarten Tasten der Tastatur und ist dadurch leicht zu erraten.',
    guessable: 'Das Passwort ist zu leicht zu erraten.',
  },
  help: 'Fügen Sie ein weiteres Wort hinzu, das nichts mit den anderen zu tun hat, oder lassen Sie Altgate ein Passwort erzeugen.',
  advice: {
    short: 'Ein längeres oder ein erzeugtes Passwort wäre schwerer zu erraten.',
    'not-ascii':
      'Das Passwort enthält Zeichen, die tf nicht senden kann: Verwenden Sie für tf nur Buchstaben ohne Umlaute und Akzente, Ziffern und Satzzeichen.',
  },
}

export const notes: Messages['notes'] = {
  alreadyDone:
    'Es wurde nichts geändert: Dieses Formular wurde schon gesendet, oder in einem anderen Tab wurde etwas geändert. Hier sehen Sie den jetzigen Stand.',
  unclaimed:
    'Es wurde nichts geändert: Ihre Administration hat Zugangsdaten unter Ihrem Benutzernamen angelegt.',
  unknownDirectory:
    'Es wurde nichts geändert: Altgate kennt dieses Verzeichnis nicht mehr. Wenden Sie sich an Ihre Administration.',
  nothingToSwitch: 'Es gibt noch keine Zugangsdaten, die Sie aktivieren oder deaktivieren könnten.',
  alreadyOn: 'Die Zugangsdaten waren schon aktiv. Es wurde nichts geändert.',
  alreadyOff: 'Die Zugangsdaten waren schon deaktiviert. Es wurde nichts geändert.',
  signInFirst:
    'Melden Sie sich zuerst noch einmal an: Der Anmeldedienst muss bestätigen, dass Ihr Konto aktiv ist. Es wurde nichts geändert.',
  blocked:
    'Ihre Administration hat diese Zugangsdaten deaktiviert, und nur die Administration kann sie wieder aktivieren. Es wurde nichts geändert. Wenden Sie sich dorthin.',
  gone: 'Es gibt nichts mehr zu aktivieren oder zu deaktivieren. Es wurde nichts geändert.',
  on: 'Aktiviert.',
  off: 'Überall deaktiviert.',
  alreadyYours: 'Diese Zugangsdaten gehören Ihnen schon. Es wurde nichts geändert.',
  claimed: 'Die Zugangsdaten gehören jetzt Ihnen.',
  notConnected: 'Es bestand keine Verbindung mehr. Es wurde nichts geändert.',
  disconnected: 'Überall getrennt.',
  linkAgain:
    'Melden Sie sich hier noch einmal an, dann von dieser Seite aus für das andere Konto, und verknüpfen Sie danach beide. Es wurde nichts geändert.',
  alreadyLinked: 'Die Anmeldungen waren schon verknüpft. Es wurde nichts geändert.',
  linked: 'Ihre Anmeldungen sind verknüpft.',
  notLinked: 'Die Anmeldungen waren nicht mehr verknüpft. Es wurde nichts geändert.',
  unlinked: 'Verknüpfung überall aufgehoben.',
  nothingToReplace:
    'Es wurde nichts geändert: Das Passwort, das ersetzt werden soll, ist abgelaufen oder wurde widerrufen. Fügen Sie ein neues hinzu.',
  replacedIsOver: 'Dieses Passwort ist abgelaufen oder wurde widerrufen. Fügen Sie ein neues hinzu.',
  tooMany: 'Es wurde nichts geändert: Mehr Passwörter sind nicht möglich. Widerrufen Sie zuerst eines.',
  nothingToRevoke:
    'Es gab nichts zu widerrufen: Das Passwort war schon abgelaufen oder widerrufen. Es wurde nichts geändert.',
  revoked: 'Überall widerrufen.',
  revokedAll: 'Alle überall widerrufen.',
  worksThere: account =>
    `Ihre Zugangsdaten von hier gelten auch für ${account}. Sie müssen sich dafür nicht noch einmal anmelden.`,
}
