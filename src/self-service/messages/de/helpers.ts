import { html } from '../../../common/html.ts'
import type { Messages } from '../en.ts'

export const asking: Messages['asking'] = {
  allow: helper => `${helper} erlauben, git in Ihrem Namen zu verwenden?`,
  allowLead: helper =>
    html`${helper} auf diesem Rechner bittet um ein eigenes Passwort, damit Sie keines eintippen müssen.`,
  allowOnly:
    'Erlauben Sie es nur, wenn Sie gerade selbst git verwendet haben und git diese Seite geöffnet hat.',
  device: 'Einem anderen Gerät erlauben, git in Ihrem Namen zu verwenden?',
  deviceLead: 'Ein Gerät bittet um ein eigenes Passwort. Vergleichen Sie den Code:',
  deviceOnly: html`Erlauben Sie es nur, wenn <b>Sie diesen Code auf Ihrem eigenen Gerät sehen</b>, in einem Terminal, in dem Sie gerade git
verwendet haben. Hat Ihnen eine andere Person den Code oder einen Link zu dieser Seite geschickt, erlauben Sie es nicht: Diese Person
bekäme Zugriff in Ihrem Namen.`,
  program: 'Programm',
  deviceName: 'Gerät',
  noDeviceName: 'ohne Namen',
  askedFrom: 'Angefragt von',
  askedWith: tool => html`mit ${tool}`,
  askedOn: 'Angefragt am',
  what: 'Was Sie erlauben',
  signsInAs: 'Benutzername',
  set: 'Zugangsdaten für',
  works: 'Gilt',
  may: 'Darf',
  readWrite: 'lesen und schreiben',
  name: 'Name des Passworts',
  nameHint:
    'Für Ihre Liste der Passwörter. Nennen Sie den Rechner, damit Sie später wissen, welches Sie widerrufen müssen.',
  nameOnDevice: machine => `git auf ${machine}`,
  yes: 'Erlauben',
  no: 'Nicht erlauben',
  renews: link =>
    html`Das Programm erneuert das Passwort von selbst. Sie können es jederzeit auf ${link('Ihrer Seite')} widerrufen.`,
  toTerminal: 'Gehen Sie zurück zu Ihrem Terminal',
  toDevice: 'Gehen Sie zurück zu Ihrem Gerät',
  refused: 'Sie haben es nicht erlaubt',
  has: helper => `${helper} hat, was es braucht.`,
  told: helper => `${helper} erfährt davon und bekommt nichts.`,
  ifNothing: link => html`Wenn nichts geschieht: ${link('Weiter')}`,
  goesOn: helper =>
    `${helper} macht in wenigen Sekunden von selbst weiter. Sie können diese Seite schließen.`,
  toldDevice: helper => `${helper} erfährt davon und bekommt nichts. Sie können diese Seite schließen.`,
  enterCode: 'Geben Sie den Code von Ihrem Gerät ein',
  wrongCodeTitle: 'Dieser Code ist ungültig',
  wrongCode:
    'Dieser Code ist ungültig. Vielleicht ist er vertippt, schon verwendet oder älter als zehn Minuten. Führen Sie den Befehl noch einmal aus, um einen neuen zu bekommen.',
  codeLead:
    'git zeigt auf Ihrem Gerät einen Code aus acht Buchstaben an. Geben Sie nur einen Code ein, den Sie dort selbst sehen.',
  code: 'Code',
  codeHint: code => html`Zum Beispiel ${code}. Groß- und Kleinschreibung spielt keine Rolle.`,
  againTitle: 'Melden Sie sich dafür noch einmal an',
  signInTitle: account => `Für ${account} anmelden`,
  asks: (helper, account) => html`${helper} bittet um ein eigenes Passwort für ${account}.`,
  againLead: 'Ihre Anmeldung liegt schon einige Zeit zurück, melden Sie sich deshalb zuerst noch einmal an.',
  signInLead: 'Melden Sie sich zuerst an; dann werden Sie gefragt, ob Sie es erlauben.',
  yourAccount: 'Ihr Konto',
  wrongAccount: link =>
    html`Das falsche Konto? ${link('Anderes Konto wählen')}. Haben Sie das nicht selbst begonnen, schließen Sie diese Seite.`,
  whichLead: helper =>
    html`${helper} bittet um ein eigenes Passwort. Geben Sie das Konto ein, das Sie mit git verwenden. Es ist ein Teil der Adresse und
steht direkt nach oder vor dem Namen dieses Gateways.`,
  cannot: helper => `${helper} kann noch kein Passwort bekommen`,
  reasons: {
    'switched-off': {
      what: 'Ihre Zugangsdaten sind deaktiviert.',
      next: 'Aktivieren Sie sie, und verwenden Sie dann git noch einmal.',
    },
    'too-many': {
      what: 'Sie haben schon so viele Passwörter, wie möglich sind.',
      next: 'Widerrufen Sie eines, das Sie nicht mehr verwenden, und verwenden Sie dann git noch einmal.',
    },
    'no-name': {
      what: 'Ihre Anmeldung enthielt keine E-Mail-Adresse, die sich als Benutzername eignet.',
      next: 'Auf Ihrer Seite steht, was Ihre Administration tun kann.',
    },
    taken: {
      what: 'Die Zugangsdaten unter Ihrem Benutzernamen gehören einer anderen Person.',
      next: 'Das muss zuerst Ihre Administration klären.',
    },
    unclaimed: {
      what: 'Ihre Administration hat Zugangsdaten für Sie angelegt, die Sie noch nicht übernommen haben.',
      next: 'Übernehmen Sie sie auf Ihrer Seite, und verwenden Sie dann git noch einmal.',
    },
  },
  toPage: 'Zu Ihrer Seite',
  notValid: 'Diese Anfrage ist ungültig',
  notValidLead: why =>
    html`Ein Programm auf Ihrem Rechner hat diese Seite geöffnet, aber seine Anfrage kann nicht beantwortet werden: ${why}.`,
  notKnown: 'Das Programm ist hier nicht bekannt',
  notValidNext:
    'Vergleichen Sie seine Einstellungen mit denen auf der Seite Ihres Kontos. Es wurde nichts geändert.',
  answered: 'Diese Frage ist schon beantwortet',
  answeredLead: 'Oder sie hat länger als zehn Minuten gewartet. Gerade wurde nichts geändert.',
  answeredNext: 'Wenn git weiter nach einem Passwort fragt, führen Sie den Befehl noch einmal aus.',
}

export const tools: Messages['tools'] = {
  browser: 'git im Browser anmelden lassen',
  browserLead: command =>
    html`Mit einem Credential Helper müssen Sie kein Passwort kopieren: git öffnet diese Seite, Sie erlauben den Zugriff, und der Helper
bekommt ein eigenes Passwort und erneuert es. Führen Sie ${command} aus, und fügen Sie die Zeilen für Ihren Helper ein.`,
  noBrowser: 'Für Werkzeuge ohne Browser',
  noBrowserLead: program =>
    html`Verwenden Sie auf einem Server oder Build-Rechner ${program}. Es zeigt eine Adresse und einen Code an, den Sie im Browser eines
anderen Geräts eingeben. Der Rechner hat dann ein eigenes Passwort, das ohne Sie erneuert wird. Nötig sind git und curl. Fügen Sie dies
in ein Terminal ein:`,
  checksum: (sha256sum, shasum, link) =>
    html`Die Befehle prüfen das Programm anhand seiner SHA-256-Prüfsumme. Auf einem Mac ohne ${sha256sum} schreiben Sie stattdessen
${shasum}. Um das Programm zuerst anzusehen, ${link('laden Sie es herunter')}.`,
}
