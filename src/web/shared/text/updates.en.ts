import type { UpdateState } from '../../../protocol/update-api.ts';

type Phases = Record<UpdateState['phase'], (target: string) => string>;

/** Text of the console’s page *Updates*. */
export const en = {
  updates: {
    title: 'Updates',
    intro:
      'The box keeps two copies of its system and writes a new release to the one that rests. If it is not healthy with it, it goes back by itself.',
    notAnAppliance:
      'This box is not an appliance: it runs on a system of its own choice, and is updated as it was installed.',
    runs: 'What runs',
    version: (version: string) => `Version ${version}`,
    slot: (slot: string) => `from slot ${slot}`,
    phases: {
      'not-an-appliance': () => 'Not an appliance.',
      idle: () => 'Nothing is being updated.',
      checking: () => 'Asking the update server …',
      downloading: (target) => (target === '' ? 'Receiving the bundle …' : `Fetching version ${target} …`),
      installing: (target) =>
        `Writing ${target === '' ? 'a release' : `version ${target}`} to the other slot. The box goes on working.`,
      'awaiting-reboot': (target) =>
        `${target === '' ? 'A release' : `Version ${target}`} is written and runs from the next restart on.`,
      trial: () =>
        'This release is on trial for some minutes. It stays if the box is healthy with it; else the one before comes back.',
      failed: () => 'The last update failed. What runs is untouched.',
    } satisfies Phases,
    progress: 'Progress of the update',
    boxSays: 'In the words of the box:',
    restartsAt: (time: string) => `The box restarts by itself: ${time}.`,
    restartsNot: 'The box does not restart by itself.',
    restart: 'Restart now',
    restartTitle: 'Restart the box now?',
    restartText: (target: string) =>
      `The box is away for a minute or two, and comes back with version ${target}. This page finds it again by itself.`,
    restarting: 'The box restarts. This page goes on when it is back.',
    takenBack: (version: string, when: string) =>
      `Version ${version} was tried and taken back (${when}). Nothing is lost: the box runs what it ran before.`,
    there: 'What there is',
    newer: (version: string) => `Version ${version} can be installed.`,
    newest: 'Nothing newer is known in this channel.',
    size: (megabytes: string) => `${megabytes} MB`,
    notes: 'What is new',
    noServer: 'This box has no update server. Give it a bundle below.',
    checked: (when: string) => `Asked ${when}.`,
    neverChecked: 'Not asked yet.',
    check: 'Ask now',
    install: (version: string) => `Install ${version}`,
    choices: 'Without being asked',
    paused: 'New releases',
    on: 'On',
    onHint: 'The box fetches and installs new releases, and restarts at night.',
    off: 'Paused',
    offHint: 'Nothing is looked for or installed unless you ask.',
    channel: 'Which ones',
    stable: 'Stable',
    stableHint: 'Tried by others first.',
    beta: 'Beta',
    betaHint: 'Earlier, and with more surprises.',
    save: 'Save',
    saved: 'Saved.',
    file: 'From a file',
    fileIntro: 'A bundle (.raucb) from whom you have the box. It is taken only if it bears their signature.',
    bundle: 'Bundle',
    older: 'Also if it is older than what runs',
    send: 'Send and install',
    sending: 'Sending',
    sent: 'The bundle is good. It is being written.',
  },
};
