import { expect, it } from 'vitest';
import { CardSettings } from '../../../src/box/card/card-settings.ts';
import { BoxConfig } from '../../../src/box/config.ts';
import { settingsOf } from '../../../src/kit/config/settings.ts';

/** Settings of the box that an appliance cannot be given by its card, each with why not. */
const notOnCard: Readonly<Record<string, string>> = {
  state: 'the image has it on data',
  'log.format': 'an appliance writes to the journal',
  'network.interfaces': 'the image knows which of its interfaces lead home',
  'zone.mirrors': 'agreed between the clients that are there and the box',
  'zone.resolvers': 'DHCP says them',
  'firebase.database': 'for clouds of 2016 run by hand; the mailbox is its successor',
  'firebase.service-account-file': 'with firebase.database',
  'acme.eab-hmac-key-file': 'acme.eab-hmac-key on the card becomes this file',
  'web.host': 'the firewall of the image is made for it',
  'web.port': 'the firewall of the image opens 443',
  'web.http-port': 'the firewall of the image opens 80',
  'enrolment.insecure-port': 'the firewall of the image opens 9089',
  'enrolment.port': 'the firewall of the image opens 9088',
  'enrolment.folders': 'an appliance has no folders of other programs',
  'tunnel.command': 'the image brings the client',
  'mdns.adapter': 'the image has avahi',
  'update.rauc-config': 'the image brings RAUC',
  'system.port': 'the units of the image know it',
  'system.card-requests': 'the units of the image know it',
};

it('every setting of the box can be given on the card, or is named here with why not', () => {
  const card = new Set(settingsOf(CardSettings, 'allowed').map(({ key }) => key));
  const box = settingsOf(BoxConfig).map(({ key }) => key);
  expect(box.filter((key) => !card.has(key))).toEqual(Object.keys(notOnCard));
});
