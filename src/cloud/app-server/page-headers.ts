import { agentLink, agentPorts } from '../../protocol/constants.ts';

/**
 * Headers of every answer. The page may run its own files alone, and speak to the registration-server, to boxes below the
 * zone root and to an agent on the same computer (which it starts by its link, in a frame, where that breaks nothing), which
 * is what would be left to anyone who got a script into it.
 */
export function pageHeaders(cloud: { registrationOrigin: string; zoneRoot: string }): Record<string, string> {
  const boxes = `*.${cloud.zoneRoot}:*`;
  const ports = Array.from(
    { length: agentPorts.last - agentPorts.first + 1 },
    (_, index) => agentPorts.first + index,
  );
  const agents = ports.map((port) => `http://127.0.0.1:${port}`).join(' ');
  const policy: Record<string, string> = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': "'self'",
    'font-src': "'self'",
    'manifest-src': "'self'",
    'connect-src': `'self' ${cloud.registrationOrigin} https://${boxes} wss://${boxes} ${agents}`,
    'frame-src': new URL(agentLink).protocol,
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
    'require-trusted-types-for': "'script'",
    'trusted-types': "'none'",
  };
  return {
    'content-security-policy': Object.entries(policy)
      .map((directive) => directive.join(' '))
      .join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'referrer-policy': 'no-referrer',
    // Two years (RFC 6797, 6.1.1). Not for names below it, of which the app knows nothing.
    'strict-transport-security': 'max-age=63072000',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
}
