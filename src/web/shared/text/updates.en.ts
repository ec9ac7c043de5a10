import type { UpdateState } from '../../../protocol/update-api.ts';

type Phases = Record<UpdateState['phase'], (target: string) => string>;

/** Text of the console’s page *Updates*. */
export const en = {
  updates: {
    title: 'Updates',
    intro:
      'The box keeps two copies of its system and installs a new version into the one that is not in use. If it is not healthy with it, it rolls back by itself.',
    notAnAppliance: 'This box was installed by hand, and is updated the same way.',
    runs: 'Installed version',
    version: (version: string) => `Version ${version}`,
    slot: (slot: string) => `from slot ${slot}`,
    phases: {
      'not-an-appliance': () => 'Installed by hand.',
      idle: () => 'No update is in progress.',
      checking: () => 'Asking the update server …',
      downloading: (target) => (target === '' ? 'Receiving the bundle …' : `Downloading version ${target} …`),
      installing: (target) =>
        `Installing ${target === '' ? 'a version' : `version ${target}`} into the other slot. The box keeps working.`,
      'awaiting-reboot': (target) =>
        `${target === '' ? 'A version' : `Version ${target}`} is installed and starts with the next restart.`,
      trial: () =>
        'This version is on trial for a few minutes. It stays if the box is healthy with it; otherwise the box rolls back.',
      failed: () => 'The last update failed. The installed version is unchanged.',
    } satisfies Phases,
    progress: 'Update progress',
    boxSays: 'In the words of the box:',
    restartsAt: (time: string) => `The box restarts by itself: ${time}.`,
    restartsNot: 'The box does not restart by itself.',
    restart: 'Restart now',
    restartTitle: 'Restart the box now?',
    restartText: (target: string) =>
      `The box is away for a minute or two and comes back with version ${target}. This page then reconnects by itself.`,
    restarting: 'The box is restarting. This page continues when it is back.',
    rolledBack: (version: string, when: string) =>
      `Version ${version} was tried and rolled back (${when}). Nothing is lost: the box runs the version it had before.`,
    there: 'Available version',
    newer: (version: string) => `Version ${version} can be installed.`,
    newest: 'There is no newer version in this channel.',
    size: (megabytes: string) => `${megabytes} MB`,
    notes: 'What is new',
    noServer: 'This box has no update server. Give it a bundle below.',
    checked: (when: string) => `Checked ${when}.`,
    neverChecked: 'Not checked yet.',
    check: 'Check now',
    install: (version: string) => `Install ${version}`,
    choices: 'Automatic updates',
    paused: 'New versions',
    on: 'On',
    onHint: 'The box downloads and installs new versions, and restarts at night.',
    off: 'Paused',
    offHint: 'Nothing is looked for or installed unless you ask.',
    channel: 'Channel',
    stable: 'Stable',
    stableHint: 'Tried by others first.',
    beta: 'Beta',
    betaHint: 'Earlier, and with more surprises.',
    save: 'Save',
    saved: 'Saved.',
    file: 'From a file',
    fileIntro: 'A bundle (.raucb) from whoever supplied your box. It is accepted only with their signature.',
    bundle: 'Bundle',
    older: 'Even if it is older than the installed version',
    send: 'Send and install',
    sending: 'Sending',
    sent: 'The bundle is good. It is being installed.',
  },
};
