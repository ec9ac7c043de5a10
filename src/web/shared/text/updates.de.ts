import type { en } from './updates.en.ts';
import type { Translation } from './translation.ts';

export const de: Translation<typeof en> = {
  updates: {
    title: 'Updates',
    intro:
      'Die Box hält ihr System zweimal vor und installiert eine neue Version in den Platz, der gerade nicht benutzt wird. Ist sie damit nicht gesund, kehrt sie von selbst zur vorigen zurück.',
    notAnAppliance: 'Diese Box wurde von Hand installiert und wird auf dieselbe Weise aktualisiert.',
    runs: 'Installierte Version',
    version: (version) => `Version ${version}`,
    slot: (slot) => `aus Platz ${slot}`,
    phases: {
      'not-an-appliance': () => 'Von Hand installiert.',
      idle: () => 'Zurzeit läuft kein Update.',
      checking: () => 'Der Update-Server wird gefragt …',
      downloading: (target) =>
        target === '' ? 'Das Paket wird empfangen …' : `Version ${target} wird heruntergeladen …`,
      installing: (target) =>
        `${target === '' ? 'Eine Version' : `Version ${target}`} wird in den anderen Platz installiert. Die Box arbeitet weiter.`,
      'awaiting-reboot': (target) =>
        `${target === '' ? 'Eine Version' : `Version ${target}`} ist installiert und startet mit dem nächsten Neustart.`,
      trial: () =>
        'Diese Version ist einige Minuten auf Probe. Sie bleibt, wenn die Box damit gesund ist; sonst kehrt die Box zur vorigen zurück.',
      failed: () => 'Das letzte Update ist fehlgeschlagen. Die installierte Version ist unverändert.',
    },
    progress: 'Fortschritt des Updates',
    boxSays: 'In den Worten der Box:',
    restartsAt: (time) => `Die Box startet von selbst neu: ${time}.`,
    restartsNot: 'Die Box startet nicht von selbst neu.',
    restart: 'Jetzt neu starten',
    restartTitle: 'Die Box jetzt neu starten?',
    restartText: (target) =>
      `Die Box ist ein bis zwei Minuten weg und kommt mit Version ${target} zurück. Diese Seite verbindet sich dann von selbst wieder.`,
    restarting: 'Die Box startet neu. Diese Seite geht weiter, sobald sie zurück ist.',
    rolledBack: (version, when) =>
      `Version ${version} wurde ausprobiert und zurückgenommen (${when}). Nichts ist verloren: Die Box läuft wieder mit der Version von vorher.`,
    there: 'Verfügbare Version',
    newer: (version) => `Version ${version} kann installiert werden.`,
    newest: 'In diesem Kanal gibt es keine neuere Version.',
    size: (megabytes) => `${megabytes} MB groß`,
    notes: 'Was neu ist',
    noServer: 'Diese Box hat keinen Update-Server. Geben Sie ihr unten ein Paket.',
    checked: (when) => `Geprüft ${when}.`,
    neverChecked: 'Noch nicht geprüft.',
    check: 'Jetzt prüfen',
    install: (version) => `${version} installieren`,
    choices: 'Automatische Updates',
    paused: 'Neue Versionen',
    on: 'Ein',
    onHint: 'Die Box lädt und installiert neue Versionen und startet nachts neu.',
    off: 'Pause',
    offHint: 'Nichts wird gesucht oder installiert, außer Sie verlangen es.',
    channel: 'Kanal',
    stable: 'Stabil',
    stableHint: 'Andere haben sie zuerst erprobt.',
    beta: 'Vorab',
    betaHint: 'Früher, und mit mehr Überraschungen.',
    save: 'Speichern',
    saved: 'Gespeichert.',
    file: 'Aus einer Datei',
    fileIntro:
      'Ein Paket (.raucb) von dem, von dem Sie die Box haben. Es wird nur mit dessen Unterschrift angenommen.',
    bundle: 'Paket',
    older: 'Auch wenn es älter ist als die installierte Version',
    send: 'Senden und installieren',
    sending: 'Wird gesendet',
    sent: 'Das Paket ist in Ordnung. Es wird installiert.',
  },
};
