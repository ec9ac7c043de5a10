import type { Translation } from '../../shared/text/translation.ts';
import type { en } from './app.en.ts';

export const de: Translation<typeof en> = {
  find: {
    title: 'Ihre Box finden',
    looking: 'Boxen bei Ihnen zu Hause werden gesucht …',
    one: 'Bei Ihnen zu Hause ist eine Box.',
    several: (count) => `Bei Ihnen zu Hause sind ${count} Boxen. Welche soll es sein?`,
    none: 'Noch keine Box gefunden.',
    check: 'Bitte prüfen Sie der Reihe nach:',
    checks: [
      'Die Box hat Strom, und ihr Netzwerkkabel steckt im Router.',
      'Sie ist seit zwei Minuten eingeschaltet. Der allererste Start dauert länger.',
      'Dieses Gerät ist im selben Netz: in Ihrem WLAN, nicht in dem für Gäste und nicht im Mobilfunk.',
      'Dieses Gerät benutzt kein VPN und kein „Privat-Relay“.',
      'Ihr Zuhause ist online.',
    ],
    keepsLooking: 'Diese Seite sucht weiter. Eine Box, die auftaucht, sehen Sie sofort.',
    again: 'Jetzt suchen',
    offline: 'Dieses Gerät ist offline. Die Suche geht weiter, sobald es wieder online ist.',
    unreachable: 'Der Dienst, der Ihre Box kennt, ist nicht zu erreichen. Diese Seite versucht es weiter.',
    connect: 'Verbinden',
    connectTo: (name, id) => `${name}, ${id}: Verbinden`,
    open: 'Öffnen',
    openBox: (name, id) => `${name}, ${id}: Öffnen`,
    newBox: 'Neu: Sie werden ihr Besitzer.',
    id: 'Box-ID',
  },
  shared: {
    title: 'Viele Haushalte teilen sich Ihre Internetadresse',
    why: 'Ihr Anbieter gibt vielen Haushalten dieselbe Adresse, oder das hier ist ein großes Netz. Damit niemand fremde Boxen sieht, erscheint Ihre nur mit ihrem Kurzcode.',
    code: 'Kurzcode',
    where:
      'Acht Zeichen, zum Beispiel gt4c-9mkx. Ihre Box zeigt ihn in ihren Einstellungen; auch „porchlight status“ nennt ihn.',
    submit: 'Meine Box zeigen',
    unknown:
      'Hinter Ihrer Adresse ist keine Box mit diesem Code. Prüfen Sie den Code, und ob dieses Gerät im selben Netz wie die Box ist.',
  },
  route: {
    filtered: (name) =>
      `Ihr Router unterdrückt Namen, die in Ihr eigenes Heimnetz führen (DNS-Rebind-Schutz). ${name} lässt sich deshalb nicht unter dem üblichen Namen öffnen.`,
    filteredRemedy:
      'Für eine direkte Verbindung tragen Sie den Namen der Box in Ihrem Router als Ausnahme vom DNS-Rebind-Schutz ein.',
    tunnel: 'Durch den Tunnel verbinden',
    tunnelHint: 'Über das Internet und zurück, verschlüsselt bis zur Box.',
    home: 'Die direkte Verbindung zu Hause versuchen',
    localName: 'Unter dem Namen im Heimnetz öffnen',
    localNameHint: (host) =>
      `Der Browser wird Sie warnen: Für den Namen ${host} kann niemand bürgen. Machen Sie nur weiter, wenn Sie zu Hause sind und genau diese Adresse angezeigt wird.`,
    noTunnel:
      'Diese Box hat keinen Tunnel. Wenn Sie wieder hier sind, fragt der Browser, ob diese Seite Geräte in Ihrem Heimnetz erreichen darf: Erlauben Sie es.',
    none: 'Eine andere Verbindung zu dieser Box gibt es im Moment nicht.',
  },
  agent: {
    signIn: 'Mit diesem Computer anmelden',
    signInTo: (name: string, id: string) => `Mit diesem Computer anmelden: ${name}, ${id}`,
    working:
      'Der Porchlight-Agent auf diesem Computer wird gefragt. Falls der Browser fragt, ob diese Seite Programme auf diesem Gerät erreichen darf: erlauben.',
  },
  leaving: {
    title: (name) => `${name} wird geöffnet`,
    waiting: 'Die Seite der Box öffnet sich.',
    arrived: 'Die Box hat geantwortet. Gleich öffnet sich ihre Seite.',
    notArrived: 'Die Seite der Box öffnet sich nicht.',
    why: 'Vielleicht ist dieses Gerät in einem anderen Netz als die Box (Gast-WLAN, VPN, Mobilfunk), oder der Router unterdrückt Namen, die in Ihr eigenes Heimnetz führen.',
    others: 'Sie können auch Folgendes versuchen:',
    again: 'Noch einmal versuchen',
    back: 'Zurück',
  },
  returning: {
    title: 'Verbindung wird hergestellt',
    waiting: 'Die Box hat diese App hereingelassen. Einen Moment …',
    slow: 'Eine neue Box öffnet gerade ihren Tunnel. Das kann eine Minute dauern.',
    failed: 'Das hat nicht geklappt',
    allow: 'Direkte Verbindung erlauben und noch einmal verbinden',
    allowHint: 'Der Browser fragt, ob diese Seite Geräte in Ihrem Heimnetz erreichen darf.',
    again: 'Noch einmal verbinden',
  },
  box: {
    looking: 'Die Verbindung zu Ihrer Box wird hergestellt …',
    unreachable:
      'Ihre Box antwortet nicht, weder zu Hause noch durch den Tunnel. Diese Seite versucht es weiter.',
    unreachableCheck: 'Prüfen Sie, ob sie Strom hat und ihr Netz online ist.',
    noEndpoint: 'Diese Box hat keinen Tunnel, und diese Seite darf noch nicht in Ihr Heimnetz.',
    endpoint: {
      home: 'Zu Hause: direkt zur Box',
      mirror: 'Zu Hause: direkt zur Box, unter ihrem zweiten Namen',
      tunnel: 'Durch den Tunnel, verschlüsselt bis zur Box',
      none: 'Nicht verbunden',
    },
    direct: 'Zu Hause die direkte Verbindung benutzen',
    directHint:
      'Auch zu Hause nimmt diese Seite den Tunnel, bis Sie die direkte Verbindung erlauben. Der Browser fragt, ob diese Seite Geräte in Ihrem Heimnetz erreichen darf.',
    directRefused:
      'Auch zu Hause nimmt diese Seite den Tunnel: Der Browser lässt sie nicht in Ihr Heimnetz. Das ändern Sie in den Einstellungen des Browsers für diese Seite.',
    state: 'Wie es der Box geht',
    allWell: 'Alles funktioniert.',
    remedy: 'Was zu tun ist:',
    certificate: (days) =>
      `Zertifikat: noch ${days} ${days === 1 ? 'Tag' : 'Tage'}, wird automatisch erneuert`,
    tunnelOn: 'Tunnel: offen',
    tunnelOff: 'Tunnel: aus',
    tunnelWaits: 'Tunnel: im Moment nicht verbunden',
    services: 'Apps bei Ihnen zu Hause',
    noServices: 'Auf dieser Box gibt es noch keine Apps.',
    console: 'Einstellungen der Box',
    signOut: 'Abmelden',
    signedOut: 'Sie sind hier abgemeldet.',
    ended: 'Die Box hat Sie abgemeldet.',
    reconnect: 'Wieder verbinden',
    forget: 'Diese Box vergessen',
    forgetTitle: (name) => `${name} vergessen?`,
    forgetText:
      'Dieser Browser wird abgemeldet und kennt die Box nicht mehr. Die Box selbst bleibt, wie sie ist, und Sie finden sie zu Hause wieder.',
  },
  boxes: {
    title: 'Ihre Boxen',
    link: 'Ihre Boxen',
    another: 'Eine weitere Box finden',
    signedOut: 'abgemeldet',
    none: 'Dieser Browser kennt noch keine Box.',
  },
  problems: {
    offline: 'Diese Seite erreicht ihren eigenen Server nicht. Prüfen Sie, ob Sie online sind.',
    'bad-answer':
      'Ein Server hat etwas geantwortet, das diese Seite nicht versteht. Versuchen Sie es später noch einmal.',
    'access-denied':
      'Diese App wurde nicht in die Box gelassen: Jemand hat auf der Seite der Box Nein gesagt. Verbinden Sie noch einmal, wenn das ein Versehen war.',
    'connect-unknown':
      'Danach hat diese Seite nicht gefragt, oder es ist zu lange her. Verbinden Sie noch einmal.',
    'connect-mismatch':
      'Die Antwort kam nicht von der Box, die Sie gewählt haben, und wurde nicht angenommen. Verbinden Sie noch einmal, aus der Liste.',
    'no-way':
      'Der Tunnel der Box ist nicht offen, und in Ihrem Heimnetz darf diese Seite sie nicht erreichen. Verbinden Sie in einer Minute noch einmal.',
    'invalid-grant': 'Das hat zu lange gedauert: Die Box wartet nur eine Minute. Verbinden Sie noch einmal.',
    'invalid-request':
      'Diese App hat so gefragt, dass die Box sie nicht versteht. Das muss ihr Hersteller beheben.',
    'invalid-client':
      'Diese App steht nicht auf der Liste der verbundenen Apps. Der Besitzer der Box kann sie dort eintragen.',
    'agent-not-found':
      'Auf diesem Computer antwortet kein Porchlight-Agent. Er muss hier laufen und mit der Box gekoppelt sein, und der Browser muss diese Seite zu ihm lassen. Sie können sich auch ohne ihn verbinden.',
    'not-paired':
      'Der Porchlight-Agent auf diesem Computer ist nicht mit dieser Box gekoppelt. Sie können sich auch ohne ihn verbinden.',
    'sign-in-declined': 'Jemand hat an diesem Computer Nein gesagt. Es ist nichts geschehen.',
    'signature-wrong':
      'Unterschrieben hat eine andere Box als die, die der Agent auf diesem Computer kennt. Diese Seite hat nichts bekommen.',
    'clocks-differ':
      'Die Uhren dieses Computers und der Box gehen verschieden. Stellen Sie die falsche richtig.',
    'challenge-unknown': 'Das hat zu lange gedauert. Versuchen Sie es noch einmal.',
    'storage-off':
      'Dieser Browser lässt die Seite nichts speichern, auch nicht, welche Box Ihre ist. Erlauben Sie ihr, Daten zu speichern, oder verlassen Sie das private Fenster.',
  },
};
