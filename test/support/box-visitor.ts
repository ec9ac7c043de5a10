import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** Of a body that is a JSON object. */
  json: Record<string, unknown>;
}

/** A person with a browser at a box on this machine, whatever its certificate: keeps the cookie, sends the CSRF token. */
export class BoxVisitor {
  readonly #port: number;
  #cookie: string | undefined;
  #csrf = '';

  constructor(port: number) {
    this.#port = port;
  }

  /** `body`: a text as it is, anything else as JSON. */
  call(
    method: string,
    path: string,
    body?: object | string,
    more: Record<string, string> = {},
  ): Promise<Answer> {
    const text = typeof body === 'object' ? JSON.stringify(body) : body;
    const headers = {
      origin: `https://127.0.0.1:${this.#port}`,
      'x-csrf-token': this.#csrf,
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      ...more,
    };
    // Who answers is not what is looked at, and the certificate of a box without a cloud is its own.
    const where = { host: '127.0.0.1', port: this.#port, method, path, headers, agent: false as const };
    return new Promise((resolve, reject) => {
      const asked = request({ ...where, rejectUnauthorized: false }, (answer) => {
        let received = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
        answer.on('end', () => {
          const [cookie] = answer.headers['set-cookie'] ?? [];
          if (cookie !== undefined) this.#cookie = cookie.split(';')[0];
          const json = received.startsWith('{') ? (JSON.parse(received) as Answer['json']) : {};
          if (typeof json['csrf'] === 'string') this.#csrf = json['csrf'];
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: received, json });
        });
      });
      asked.on('error', reject).end(text);
    });
  }
}
