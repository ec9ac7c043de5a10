/**
 * Headers of every answer. The page may run its own files alone, and speak to the registration-server and to boxes below the
 * zone root, which is what would be left to anyone who got a script into it.
 */
export function pageHeaders(cloud: { registrationOrigin: string; zoneRoot: string }): Record<string, string> {
  const boxes = `*.${cloud.zoneRoot}:*`;
  const policy: Record<string, string> = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': "'self'",
    'font-src': "'self'",
    'manifest-src': "'self'",
    'connect-src': `'self' ${cloud.registrationOrigin} https://${boxes} wss://${boxes}`,
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
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
}
