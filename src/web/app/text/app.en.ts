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
      'The box has power, and its network cable is plugged into your router.',
      'It has been on for two minutes. The very first start takes longer.',
      'This device is on the same network: your home Wi‑Fi, not the one for guests and not mobile data.',
      'This device uses no VPN and no “private relay”.',
      'Your home is online.',
    ],
    keepsLooking: 'This page keeps looking. A box that appears is shown at once.',
    again: 'Look now',
    offline: 'This device is offline. The search continues as soon as it is online.',
    unreachable: 'The service that knows your box cannot be reached. This page keeps trying.',
    connect: 'Connect',
    connectTo: (name: string, id: string) => `Connect to ${name}, ${id}`,
    open: 'Open',
    openBox: (name: string, id: string) => `Open ${name}, ${id}`,
    newBox: 'New: you become its owner.',
    id: 'Box ID',
  },
  shared: {
    title: 'Many homes share your internet address',
    why: 'Your provider gives many homes the same address, or this is a large network. So that nobody sees other people’s boxes, yours is shown only with its short code.',
    code: 'Short code',
    where:
      'Eight characters, like gt4c-9mkx. Your box shows it in its settings, and “porchlight status” prints it.',
    submit: 'Show my box',
    unknown:
      'No box with this code is behind your address. Check the code, and that this device is on the same network as the box.',
  },
  route: {
    filtered: (name: string) =>
      `Your router hides names that lead into your own home (DNS rebinding protection), so ${name} cannot be opened by its usual name.`,
    filteredRemedy:
      'For a direct connection, allow the name of the box in your router’s settings for DNS rebinding protection.',
    tunnel: 'Connect through the tunnel',
    tunnelHint: 'Over the internet and back, encrypted all the way to the box.',
    home: 'Try the direct connection at home',
    localName: 'Open by its name on the home network',
    localNameHint: (host: string) =>
      `The browser will warn you: nobody can vouch for the name ${host}. Go on only if you are at home and the address shown is exactly this one.`,
    noTunnel:
      'This box has no tunnel. When you are back here, the browser asks whether this page may reach devices on your home network: allow it.',
    none: 'There is no other way to reach this box at the moment.',
  },
  agent: {
    signIn: 'Sign in with this computer',
    signInTo: (name: string, id: string) => `Sign in with this computer: ${name}, ${id}`,
    working:
      'Asking the Porchlight agent on this computer. If the browser asks whether this page may reach apps on this device, allow it.',
  },
  leaving: {
    title: (name: string) => `Opening ${name}`,
    waiting: 'The box’s page is opening.',
    arrived: 'The box has answered. Its page opens in a moment.',
    notArrived: 'The box’s page does not open.',
    why: 'This device may be on another network than the box (guest Wi‑Fi, VPN, mobile data), or the router hides names that lead into your own home.',
    others: 'You can also try:',
    again: 'Try again',
    back: 'Back',
  },
  returning: {
    title: 'Connecting',
    waiting: 'The box has let this app in. One moment …',
    slow: 'A new box is opening its tunnel. This can take a minute.',
    failed: 'This did not work',
    allow: 'Allow the direct connection and connect again',
    allowHint: 'The browser asks whether this page may reach devices on your home network.',
    again: 'Connect again',
  },
  box: {
    looking: 'Connecting to your box …',
    unreachable: 'Your box does not answer, neither at home nor through the tunnel. This page keeps trying.',
    unreachableCheck: 'Check that it has power and that its network is online.',
    noEndpoint: 'This box has no tunnel, and this page may not reach your home network yet.',
    endpoint: {
      home: 'At home: directly to the box',
      mirror: 'At home: directly to the box, by its second name',
      tunnel: 'Through the tunnel, encrypted all the way to the box',
      none: 'Not connected',
    },
    direct: 'Use the direct connection at home',
    directHint:
      'Even at home, this page uses the tunnel until you allow the direct connection. The browser asks whether this page may reach devices on your home network.',
    directRefused:
      'Even at home, this page uses the tunnel: the browser does not let it reach your home network. You can change that in the browser’s settings for this site.',
    state: 'How the box is doing',
    allWell: 'Everything works.',
    remedy: 'What to do:',
    certificate: (days: number) =>
      `Certificate: ${days} ${days === 1 ? 'day' : 'days'} left, renewed automatically`,
    tunnelOn: 'Tunnel: open',
    tunnelOff: 'Tunnel: off',
    tunnelWaits: 'Tunnel: not connected at the moment',
    services: 'Apps in your home',
    noServices: 'There are no apps on this box yet.',
    console: 'Box settings',
    signOut: 'Sign out',
    signedOut: 'You are signed out here.',
    ended: 'The box has signed you out.',
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
    none: 'This browser does not know a box yet.',
  },
  problems: {
    offline: 'This page cannot reach its own server. Check that you are online.',
    'bad-answer': 'A server answered with something this page does not understand. Try again later.',
    'access-denied':
      'This app was not let in: somebody said no on the box’s page. Connect again if that was a mistake.',
    'connect-unknown': 'This page did not ask for that, or it was too long ago. Connect again.',
    'connect-mismatch':
      'The answer did not come from the box you chose, and was not accepted. Connect again, from the list.',
    'no-way':
      'The box’s tunnel is not open, and this page may not reach the box on your home network. Connect again in a minute.',
    'invalid-grant': 'That took too long: the box waits for one minute only. Connect again.',
    'invalid-request':
      'This app asked the box in a way that the box does not understand. Its maker has to correct that.',
    'invalid-client':
      'This app is not on the box’s list of connected apps. The box’s owner can add it there.',
    'agent-not-found':
      'No Porchlight agent answers on this computer. It has to run here and be paired with the box, and the browser has to let this page reach it. You can also connect without it.',
    'not-paired':
      'The Porchlight agent on this computer is not paired with this box. You can also connect without it.',
    'sign-in-declined': 'Somebody said no on this computer. Nothing was done.',
    'signature-wrong':
      'The box that signed is not the one the agent on this computer knows. Nothing was given to this page.',
    'clocks-differ': 'The clocks of this computer and of the box differ. Set the one that is wrong.',
    'challenge-unknown': 'That took too long. Try again.',
    'storage-off':
      'This browser does not let the page store anything, so it could not remember your box. Allow it to store data, or leave the private window.',
  },
};
