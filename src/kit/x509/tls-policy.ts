import { constants } from 'node:crypto';

/**
 * Mozilla's *intermediate* configuration for servers (version 5.7), which everything of ours that speaks TLS has: version 1.2
 * with forward secrecy and authenticated encryption alone, and all of 1.3. Node's defaults also take static RSA and CBC.
 * Mozilla's three suites with finite-field Diffie-Hellman are left out: no client on its list needs one (all of them have
 * elliptic curves), and each handshake costs a small box the most. The client chooses: a phone without AES in hardware takes
 * ChaCha20. In front of Mozilla's curves stands the hybrid that browsers ask for first (X25519MLKEM768). A connection of 1.2 is
 * not negotiated again: nobody of ours needs it, 1.3 has none, and a stranger would have a handshake for each few bytes of his.
 */
export const intermediateTls = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: 'X25519MLKEM768:X25519:P-256:P-384',
  honorCipherOrder: false,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;
