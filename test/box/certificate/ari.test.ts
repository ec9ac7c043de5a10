import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import { certId, pollDelay, pollDelayAfterFailure, renewalWindow } from '../../../src/box/certificate/ari.ts';
import { hours, minutes } from '../../../src/kit/runtime/clock.ts';

/** A certificate with the authority key identifier and serial number of the example in RFC 9773, 4.1. */
function example(options: { authorityKey: boolean }): string {
  const keys = forge.pki.rsa.generateKeyPair(1024);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = '0087654321';
  certificate.validity.notBefore = new Date(0);
  certificate.validity.notAfter = new Date(1);
  const keyIdentifier = forge.util.hexToBytes('69885b6b87464041e1b37b847ba0ae2cde01c8d4');
  const name = { name: 'authorityKeyIdentifier', keyIdentifier };
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false },
    ...(options.authorityKey ? [name] : []),
  ]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

describe('the identifier of a certificate', () => {
  it('is that of the example in RFC 9773', () => {
    expect(certId(example({ authorityKey: true }))).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE');
  });

  it('does not exist without an authority key identifier', () => {
    expect(certId(example({ authorityKey: false }))).toBeUndefined();
  });
});

describe('the window that a CA suggests', () => {
  it('is read with its explanation', () => {
    const suggestedWindow = { start: '2030-01-02T04:00:00Z', end: '2030-01-03T04:00:00Z' };
    expect(renewalWindow({ suggestedWindow, explanationURL: 'https://ca.example/why' })).toEqual({
      start: Date.UTC(2030, 0, 2, 4),
      end: Date.UTC(2030, 0, 3, 4),
      explanation: 'https://ca.example/why',
    });
  });

  it.each([
    [
      'the end before the start',
      { suggestedWindow: { start: '2030-01-03T00:00:00Z', end: '2030-01-02T00:00:00Z' } },
    ],
    [
      'the end at the start',
      { suggestedWindow: { start: '2030-01-03T00:00:00Z', end: '2030-01-03T00:00:00Z' } },
    ],
    ['no dates', { suggestedWindow: { start: 'soon', end: 'later' } }],
    ['no window', {}],
    ['a page', '<h1>Welcome</h1>'],
    ['nothing', null],
  ])('is refused with %s', (_, answer) => {
    expect(() => renewalWindow(answer)).toThrow(expect.objectContaining({ code: 'acme-bad-answer' }));
  });
});

it('is asked for at the pace of the CA, within reason', () => {
  expect(pollDelay(undefined)).toBe(hours(6));
  expect(pollDelay(3600)).toBe(hours(1));
  expect(pollDelay(1)).toBe(minutes(1));
  expect(pollDelay(1e9)).toBe(hours(24));
  expect([1, 2, 3, 4, 5, 6, 99].map((failures) => pollDelayAfterFailure(failures) / minutes(1))).toEqual([
    4, 16, 64, 256, 360, 360, 360,
  ]);
});
