// A panel on a wall: it asks the owner of a box once, and from then on shows who it is there and what happens.
import { PairingClient, webStore } from 'porchlight-client';

const form = document.querySelector('form') as HTMLFormElement;
const status = document.querySelector('[role=status]') as HTMLElement;
const list = document.querySelector('ul') as HTMLUListElement;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const origin = new URL(String(new FormData(form).get('origin'))).origin;
  localStorage.setItem('origin', origin);
  start(origin);
});

const known = localStorage.getItem('origin');
if (known !== null) start(known);

function start(origin: string): void {
  form.hidden = true;
  const client = new PairingClient({ origin, name: 'Panel in the hall', store: webStore(localStorage) });
  client.state.subscribe(async ({ phase, code, server, label, problem }) => {
    if (phase === 'asking') status.textContent = `Waiting for the owner of ${server?.name ?? 'the box'}: ${code}`;
    else if (phase === 'server-changed') status.textContent = `This is another box than before: ${server?.name}`;
    else if (phase === 'connected') {
      const answer = await client.fetch('/api/me');
      const { session } = (await answer.json()) as { session: { kind: string } };
      status.textContent = `Connected to ${server?.name} as ${label} (${session.kind})`;
    } else status.textContent = problem === undefined ? phase : `${phase}: ${problem}`;
  });
  client.onEvent((event) => {
    const item = document.createElement('li');
    item.textContent = event.type;
    list.prepend(item);
  });
  client.start();
}
