import type { en } from './updates.en.ts';
import type { Translation } from './translation.ts';

export const de: Translation<typeof en> = {
  updates: {
    title: 'Aktualisierung',
    intro:
      'Die Box hält ihr System zweimal vor und schreibt eine neue Fassung in den Platz, der gerade ruht. Ist sie damit nicht gesund, kehrt sie von selbst zurück.',
    notAnAppliance:
      'Diese Box ist kein eigenes Gerät: Sie läuft auf einem System eigener Wahl und wird aktualisiert, wie sie installiert wurde.',
    runs: 'Was läuft',
    version: (version) => `Fassung ${version}`,
    slot: (slot) => `aus Platz ${slot}`,
    phases: {
      'not-an-appliance': () => 'Kein eigenes Gerät.',
      idle: () => 'Es wird nichts aktualisiert.',
      checking: () => 'Der Server wird gefragt …',
      downloading: (target) =>
        target === '' ? 'Das Paket wird empfangen …' : `Fassung ${target} wird geholt …`,
      installing: (target) =>
        `${target === '' ? 'Eine Fassung' : `Fassung ${target}`} wird in den anderen Platz geschrieben. Die Box arbeitet weiter.`,
      'awaiting-reboot': (target) =>
        `${target === '' ? 'Eine Fassung' : `Fassung ${target}`} ist geschrieben und läuft ab dem nächsten Neustart.`,
      trial: () =>
        'Diese Fassung ist einige Minuten auf Probe. Sie bleibt, wenn die Box damit gesund ist; sonst kommt die vorige zurück.',
      failed: () => 'Die letzte Aktualisierung ist gescheitert. Was läuft, ist unberührt.',
    },
    progress: 'Fortschritt der Aktualisierung',
    boxSays: 'In den Worten der Box:',
    restartsAt: (time) => `Die Box startet von selbst neu: ${time}.`,
    restartsNot: 'Die Box startet nicht von selbst neu.',
    restart: 'Jetzt neu starten',
    restartTitle: 'Die Box jetzt neu starten?',
    restartText: (target) =>
      `Die Box ist ein bis zwei Minuten weg und kommt mit Fassung ${target} zurück. Diese Seite findet sie von selbst wieder.`,
    restarting: 'Die Box startet neu. Diese Seite geht weiter, sobald sie zurück ist.',
    takenBack: (version, when) =>
      `Fassung ${version} wurde versucht und zurückgenommen (${when}). Nichts ist verloren: Die Box läuft mit dem, womit sie vorher lief.`,
    there: 'Was es gibt',
    newer: (version) => `Fassung ${version} kann installiert werden.`,
    newest: 'In diesem Kanal ist nichts Neueres bekannt.',
    size: (megabytes) => `${megabytes} MB groß`,
    notes: 'Was neu ist',
    noServer: 'Diese Box hat keinen Server für Aktualisierungen. Geben Sie ihr unten ein Paket.',
    checked: (when) => `Gefragt ${when}.`,
    neverChecked: 'Noch nicht gefragt.',
    check: 'Jetzt fragen',
    install: (version) => `${version} installieren`,
    choices: 'Ohne gefragt zu werden',
    paused: 'Neue Fassungen',
    on: 'Ein',
    onHint: 'Die Box holt und installiert neue Fassungen und startet nachts neu.',
    off: 'Pause',
    offHint: 'Nichts wird gesucht oder installiert, außer Sie verlangen es.',
    channel: 'Welche',
    stable: 'Bewährt',
    stableHint: 'Andere haben sie zuerst erprobt.',
    beta: 'Vorab',
    betaHint: 'Früher, und mit mehr Überraschungen.',
    save: 'Speichern',
    saved: 'Gespeichert.',
    file: 'Aus einer Datei',
    fileIntro:
      'Ein Paket (.raucb) von dem, von dem Sie die Box haben. Es wird nur mit dessen Unterschrift angenommen.',
    bundle: 'Paket',
    older: 'Auch wenn es älter ist als das, was läuft',
    send: 'Senden und installieren',
    sending: 'Wird gesendet',
    sent: 'Das Paket ist gut. Es wird geschrieben.',
  },
};
