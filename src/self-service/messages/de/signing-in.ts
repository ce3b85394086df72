import { html, type Html } from '../../../common/html.ts'
import type { Failing } from '../../context.ts'
import type { Messages, Put } from '../en.ts'
import { scopes, signInAs } from './scopes.ts'

const { reach } = scopes

const seconds = (wait: number) =>
  wait === 1 ? 'einer Sekunde' : wait < 120 ? `${wait} Sekunden` : `${Math.ceil(wait / 60)} Minuten`

export const welcome: Messages['welcome'] = {
  title: account => `Anmelden und Zugangsdaten für ${account} festlegen`,
  heading: account => html`Alternative Zugangsdaten für ${account}`,
  lead: account =>
    html`git und andere Werkzeuge greifen mit einem eigenen Benutzernamen und Passwort auf ${account} zu. Hier legen Sie beides fest.`,
  first: 'Melden Sie sich zuerst an',
  where:
    'Altgate führt Sie zum Anmeldedienst dieses Kontos. Melden Sie sich dort so an wie auf den Webseiten des Kontos.',
  allowed: 'Was Sie mit der Anmeldung erlauben',
  yourDirectory: 'Ihr Verzeichnis',
  signIn: 'Anmelden',
  wrong: 'Ob es ein Konto dieses Namens gibt, erfahren Sie nach der Anmeldung. Ist es das falsche?',
  other: 'Anderes Konto wählen',
  which: 'Welches Konto?',
  noSuch: 'Fehler: Dieses Konto gibt es nicht',
  whichHeading: 'Um welches Konto geht es?',
  whichLead:
    'Geben Sie das Konto ein, auf das git oder ein anderes Werkzeug nicht zugreifen konnte. Es ist ein Teil der Adresse und steht direkt nach oder vor dem Namen dieses Gateways.',
  account: 'Konto',
  example: example => html`Zum Beispiel ${example}.`,
  go: 'Weiter',
  unknown: 'Es gibt kein Konto mit diesem Namen. Prüfen Sie die Schreibweise.',
  noName: 'Geben Sie den Namen eines Kontos ein.',
  badName: 'Ein Kontoname hat 1 bis 63 Buchstaben, Ziffern, Bindestriche oder Unterstriche.',
  goodbye: 'Abgemeldet',
  goodbyeHeading: 'Sie sind hier abgemeldet',
  goodbyeLead:
    'Beim Anmeldedienst ist dieser Browser vielleicht noch angemeldet. Melden Sie sich an einem gemeinsam genutzten Computer auch dort ab, oder schließen Sie alle Browserfenster.',
}

const failing: Readonly<Record<Failing, string>> = {
  unreachable: 'Der Anmeldedienst war nicht erreichbar.',
  slow: 'Der Anmeldedienst hat nicht rechtzeitig geantwortet.',
  nonsense: 'Der Anmeldedienst hat eine ungültige Antwort gesendet.',
}

export const trouble: Messages['trouble'] = {
  again:
    'Versuchen Sie es gleich noch einmal. Hilft das nicht, geben Sie Ihrer Administration die Kennung unten auf der Seite.',
  provider: 'Die Anmeldung ist zurzeit nicht möglich',
  providerLead: how => `${failing[how]} Es wurde nichts geändert, und Ihr jetziges Passwort gilt weiter.`,
  unavailable: 'Diese Seite ist zurzeit nicht verfügbar',
  unavailableLead: 'Ein Teil des Gateways ist nicht verfügbar. Es wurde nichts geändert.',
  lost: 'Ein erzeugtes Passwort kann nicht mehr angezeigt werden. Öffnen Sie die Seite Ihres Kontos, widerrufen Sie es, falls es dort aufgeführt ist, und erzeugen Sie ein neues.',
  made: 'Gespeichert, aber das Ergebnis kann nicht angezeigt werden',
  madeLead:
    'Ihre Änderung wurde gespeichert. Einige Gateways verwenden vielleicht noch einige Sekunden lang den vorherigen Stand.',
  maybe: 'Ihre Änderung wurde vielleicht gespeichert',
  maybeLead:
    'Der Speicher hat Ihre Änderung nicht rechtzeitig bestätigt. Sie kann gespeichert worden sein oder nicht.',
  maybeNext:
    'Die Seite Ihres Kontos zeigt den jetzigen Stand. Wenn Sie ein neues Passwort gewählt haben, versuchen Sie es zuerst damit; wird es abgelehnt, gilt noch das vorherige.',
  busy: 'Das Gateway ist überlastet',
  busyLead: 'Das Gateway kann gerade kein Passwort verarbeiten. Es wurde nichts geändert.',
  busyNext: 'Zurückgehen und noch einmal versuchen',
  tooMany: 'Zu viele Anfragen',
  tooManyLead: 'In kurzer Zeit kamen zu viele Anfragen. Es wurde nichts geändert.',
  tooManyNext: wait => `Versuchen Sie es in ${seconds(wait)} noch einmal.`,
  noSuchPage: 'Seite nicht gefunden',
  noSuchPageLead: 'Prüfen Sie die Adresse.',
  notUnderstood: 'Diese Anfrage wurde nicht verstanden',
  notUnderstoodLead: 'Die Adresse oder das Formular war nicht lesbar. Es wurde nichts geändert.',
  tooLarge: 'Das Formular ist zu groß',
  tooLargeLead:
    'Das Formular enthält mehr, als in einem gültigen Benutzernamen und Passwort stehen kann. Es wurde nichts geändert.',
  wrongType: 'Das Formular hat einen Typ, der nicht unterstützt wird',
  wrongTypeLead: type =>
    html`Formulare müssen als ${type} in UTF-8 gesendet werden. Es wurde nichts geändert.`,
  plainHttp: 'Verwenden Sie https',
  plainHttpLead:
    'Ohne Verschlüsselung könnten andere Ihr Passwort unterwegs lesen. Es wurde nichts geändert.',
  notFromHere: 'Dieses Formular ist ungültig oder nicht mehr gültig',
  notFromHereLead:
    'Es wurde nichts geändert. Vielleicht haben Sie sich in einem anderen Tab an- oder abgemeldet, nachdem Sie das Formular geöffnet hatten.',
  notFromHereNext: 'Öffnen Sie die Seite noch einmal, und füllen Sie das Formular dort aus.',
  signedOut: 'Ihre Anmeldung ist abgelaufen',
  signedOutLead: 'Es wurde nichts geändert. Melden Sie sich an, und senden Sie das Formular noch einmal.',
  stale: 'Melden Sie sich noch einmal an',
  staleLead:
    'Es wurde nichts geändert. Für Änderungen muss die Anmeldung frisch sein, und Ihre liegt schon einige Zeit zurück.',
  elsewhere: 'Dieses Konto hat sich geändert',
  elsewhereLead: (account, scope) =>
    html`Beim Konto ${account} meldet man sich jetzt mit ${signInAs(scope)} an: Es ist umgezogen, oder ein geplanter Umzug wurde
geändert oder abgesagt. Hier wurde nichts geändert.`,
  elsewhereNext: 'Seite des Kontos öffnen',
  signInLost: 'Diese Anmeldung kann nicht abgeschlossen werden',
  signInLostLead:
    'Sie hat zu lange gedauert, wurde schon verwendet oder in einem anderen Browser begonnen. Es wurde nichts geändert.',
  signInLostNext: 'Beginnen Sie noch einmal auf der Seite Ihres Kontos.',
  declined: 'Sie sind nicht angemeldet',
  declinedLead: 'Die Anmeldung wurde abgebrochen oder vom Anmeldedienst abgelehnt. Es wurde nichts geändert.',
  tryAgain: 'Noch einmal versuchen',
  approval: (link: (text: string) => Html) =>
    html`Wenn der Anmeldedienst verlangt, dass ein Administrator dieses Gateway genehmigt, wenden Sie sich an Ihre Administration. Bis
dahin können Sie sich ${link('anmelden, nur um Ihr Passwort festzulegen')}.`,
  wrongDirectory: 'Sie haben sich mit einem anderen Konto angemeldet',
  wrongDirectoryLead: (account, scope) =>
    html`Beim Konto ${account} müssen Sie sich mit ${signInAs(scope)} anmelden. Sie haben ein anderes verwendet.`,
  wrongDirectoryNext: scope =>
    `Melden Sie sich mit ${signInAs(scope)} an${scope.directory === undefined ? '' : ', meist ist das Ihre Adresse bei der Arbeit oder in der Schule'}. Wählt Ihr Browser von selbst das falsche, verwenden Sie ein privates Fenster.`,
  otherAccount: 'Anderes Konto wählen',
  nameTaken: 'Ihr Benutzername ist vergeben',
  nameTakenLead: (username: Put, scope) =>
    html`Die Zugangsdaten ${reach(scope)}, gehören unter dem Namen ${username} einer anderen Person. Es wurde nichts geändert.`,
  nameTakenNext:
    'Das kommt vor, wenn eine E-Mail-Adresse von einer Person auf eine andere übergeht. Nur Ihre Administration kann das klären.',
  noAuthority: 'Die Anmeldung ist nicht eingerichtet',
  noAuthorityLead: account =>
    html`Für das Konto ${account} ist kein Anmeldedienst eingerichtet. Deshalb können seine Zugangsdaten hier nicht festgelegt werden.`,
  noAuthorityNext:
    'Prüfen Sie den Namen des Kontos. Wenn er stimmt, bitten Sie Ihre Administration um ein Passwort.',
  noAuthorityOperator: (setting, command) =>
    html`Für die Administration: Die Gruppe ${setting} der Einstellungen enthält nichts für das, womit dieses Konto verbunden ist;
${command} nennt es.`,
}
