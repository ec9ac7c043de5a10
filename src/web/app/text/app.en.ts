/** Text of the app alone. */
export const en = {
  find: {
    title: 'Find your box',
    looking: 'Looking for boxes in your home …',
    one: 'There is a box in your home.',
    several: (count: number) => `There are ${count} boxes in your home. Which one?`,
    none: 'No box found yet.',
    check: 'Please check, in this order:',
    checks: [
      'The box has power, and its network cable is plugged in to your router.',
      'It has had two minutes since it was switched on. The very first start takes longer.',
      'This device is in the same network: your home Wi‑Fi, not the one for guests and not mobile data.',
      'No VPN and no “private relay” is switched on on this device.',
      'Your home is online.',
    ],
    keepsLooking: 'This page keeps looking. A box that appears is shown at once.',
    again: 'Look now',
    offline: 'This device is offline. The search goes on as soon as it is online.',
    unreachable: 'The service that knows your box cannot be reached. This page keeps trying.',
    connect: 'Connect',
    connectTo: (name: string, id: string) => `Connect to ${name}, ${id}`,
    open: 'Open',
    openBox: (name: string, id: string) => `Open ${name}, ${id}`,
    newBox: 'New: you become its owner.',
    id: 'Number',
  },
  shared: {
    title: 'Many homes share your internet address',
    why: 'Your provider gives one address to many homes, or this is a large network. So that nobody sees the boxes of others, yours is shown only with its short code.',
    code: 'Short code',
    where:
      'Eight characters, like gt4c-9mkx. Your box shows it on its own page, and “porchlight status” prints it.',
    submit: 'Show my box',
    unknown:
      'No box with this code is behind your address. Check the code, and that this device is in the same network as the box.',
  },
  road: {
    filtered: (name: string) =>
      `Your router hides names that lead into your own home (DNS rebinding protection). ${name} can therefore not be opened by its usual name.`,
    filteredRemedy:
      'To get the short way back, allow the name of the box in your router’s settings for DNS rebinding protection.',
    tunnel: 'Connect through the tunnel',
    tunnelHint: 'Over the internet and back, encrypted all the way to the box.',
    home: 'Try the way at home',
    localName: 'Open by the name in your home network',
    localNameHint: (host: string) =>
      `The browser will warn you: nobody can vouch for the name ${host}. Go on only if you are at home and the address shown is exactly this one.`,
    noTunnel:
      'This box has no tunnel. Once you are back here, the browser asks whether this page may reach devices in your home network: allow it.',
    none: 'There is no other way to this box at the moment.',
  },
  agent: {
    signIn: 'Sign in with this computer',
    signInTo: (name: string, id: string) => `Sign in with this computer: ${name}, ${id}`,
    working:
      'Asking the Porchlight agent on this computer. If the browser asks whether this page may reach apps on this device, allow it.',
  },
  leaving: {
    title: (name: string) => `Opening ${name}`,
    waiting: 'The page of the box opens now.',
    arrived: 'The box has answered. Its page opens in a moment.',
    notArrived: 'The page of the box does not open.',
    why: 'This device may be in another network than the box (guest Wi‑Fi, VPN, mobile data), or the router hides names that lead into your own home.',
    others: 'You can also take another way:',
    again: 'Try again',
    back: 'Back',
  },
  returning: {
    title: 'Connecting',
    waiting: 'The box has let this app in. One moment …',
    slow: 'A new box opens its tunnel now. This can take a minute.',
    failed: 'This did not work',
    allow: 'Allow the direct way and connect again',
    allowHint: 'The browser asks whether this page may reach devices in your home network.',
    again: 'Connect again',
  },
  box: {
    looking: 'Looking for the way to your box …',
    unreachable: 'Your box does not answer, neither at home nor through the tunnel. This page keeps trying.',
    unreachableCheck: 'Check that it has power and that its network is online.',
    noWay: 'This box has no tunnel, and this page may not talk to your home network yet.',
    way: {
      home: 'At home: straight to the box',
      mirror: 'At home: straight to the box, by its second name',
      tunnel: 'Through the tunnel, encrypted all the way to the box',
      none: 'Not connected',
    },
    direct: 'Use the direct way at home',
    directHint:
      'At home, too, this page takes the tunnel until you allow the direct way. The browser asks whether this page may reach devices in your home network.',
    directRefused:
      'At home, too, this page takes the tunnel: the browser does not let it reach your home network. You can change that in the browser’s settings for this site.',
    state: 'How the box is doing',
    allWell: 'Everything works.',
    remedy: 'What to do:',
    certificate: (days: number) =>
      `Certificate: ${days} ${days === 1 ? 'day' : 'days'} left, renewed by itself`,
    tunnelOn: 'Tunnel: open',
    tunnelOff: 'Tunnel: off',
    tunnelWaits: 'Tunnel: not connected at the moment',
    services: 'Services',
    noServices: 'This box publishes no services yet.',
    console: 'The box’s own page',
    signOut: 'Sign out',
    signedOut: 'You are signed out here.',
    ended: 'The box has ended this session.',
    reconnect: 'Connect again',
    forget: 'Forget this box',
    forgetTitle: (name: string) => `Forget ${name}?`,
    forgetText:
      'This browser is signed out and no longer knows the box. The box itself stays as it is, and you can find it again at home.',
  },
  boxes: {
    title: 'Your boxes',
    link: 'Your boxes',
    another: 'Find another box',
    signedOut: 'signed out',
    none: 'This browser knows no box yet.',
  },
  problems: {
    offline: 'This page cannot reach its own server. Check that you are online.',
    'bad-answer': 'A server answered with something this page does not understand. Try again later.',
    'access-denied':
      'This app was not let in to the box: somebody said no on the box’s page. Connect again if that was a mistake.',
    'connect-unknown': 'This page did not ask for that, or too long ago. Connect again.',
    'connect-mismatch':
      'The answer did not come from the box you chose, and was not taken. Connect again, from the list.',
    'no-way':
      'The tunnel of the box is not open, and this page may not reach the box in your home network. Connect again in a minute.',
    'invalid-grant': 'That took too long, and the box does not wait for more than a minute. Connect again.',
    'invalid-request':
      'This app asked the box in a way that the box does not understand. Its maker has to correct that.',
    'invalid-client': 'This app is not on the box’s list of apps. Its owner can add it there.',
    'agent-not-found':
      'No Porchlight agent answers on this computer. It has to run here and be paired with the box, and the browser has to let this page reach it. Connect works without one.',
    'not-paired':
      'The Porchlight agent on this computer is not paired with this box. Connect works without one.',
    'sign-in-declined': 'Somebody said no on this computer. Nothing was done.',
    'signature-wrong':
      'The box that signed is not the one the agent on this computer knows. Nothing was given to this page.',
    'clocks-differ': 'The clocks of this computer and of the box differ. Set the one that is wrong.',
    'challenge-unknown': 'That took too long. Try again.',
    'storage-off':
      'This browser lets the page keep nothing, so that it could not remember your box. Allow it to store data, or leave the private window.',
  },
};
