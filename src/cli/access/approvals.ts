import { BoxConfig } from '../../box/config.ts';
import { command, exitCode } from '../../kit/config/command.ts';
import { Problem } from '../../kit/runtime/errors.ts';
import { wrapped } from '../../kit/runtime/wrapped.ts';
import { ApprovalsView, type PendingApproval } from '../../protocol/approvals-api.ts';
import { askControl } from '../ask-control.ts';
import { chosen } from './chosen.ts';
import { shortId } from './session-tree.ts';
import { boxFile } from '../box-file.ts';

export const approvalsCommand = command({
  name: 'approvals',
  summary: 'Lists who waits to be let in and what was answered before; answers, or forgets an answer.',
  operands: '[allow CODE | refuse CODE | forget ID]',
  switches: { json: 'print JSON' },
  config: BoxConfig,
  file: boxFile,
  action: async ({ config, operands, switches }, io) => {
    const view = await askControl(config.state, { method: 'GET', path: '/approvals', answer: ApprovalsView });
    const [verb, typed, ...more] = operands;
    if (verb === undefined) {
      io.out(switches.has('json') ? `${JSON.stringify(view)}\n` : approvalsText(view));
      return exitCode.ok;
    }
    if (typed === undefined || more.length > 0 || !['allow', 'refuse', 'forget'].includes(verb))
      throw new Problem('usage', 'say allow CODE, refuse CODE or forget ID; porchlight approvals lists them');
    if (verb === 'forget') {
      const { id, label } = chosen(view.remembered, typed, 'answer');
      await askControl(config.state, { method: 'DELETE', path: `/approvals/${id}` });
      io.out(`Forgotten: ${label} is asked about again.\n`);
    } else {
      const { id, label } = questionOf(view.pending, typed);
      const allow = verb === 'allow';
      await askControl(config.state, { method: 'POST', path: `/approvals/${id}`, body: { allow } });
      io.out(`${allow ? 'Let in' : 'Refused'}: ${label}.\n`);
    }
    return exitCode.ok;
  },
});

/** By the code that the asking side shows, or by its id. */
function questionOf(pending: readonly PendingApproval[], typed: string): PendingApproval {
  const coded = pending.filter(({ code }) => code === typed.toUpperCase());
  const [only] = coded;
  return only !== undefined && coded.length === 1 ? only : chosen(pending, typed, 'question');
}

/** What waits, with how to answer it, and what was answered. */
export function approvalsText({ now, pending, remembered }: ApprovalsView): string {
  const waiting = pending.map(({ code, kind, label, address, endsAt }) => {
    const seconds = Math.max(0, Math.round((endsAt - now) / 1000));
    const head = wrapped(`${kind.padEnd(8)}  ${label}`, ' '.repeat(10), `  ${code.padEnd(8)}`);
    return `${head}\n${' '.repeat(20)}from ${address}, ${seconds} seconds left\n`;
  });
  const answered = remembered.map(({ id, kind, label, allowed, decidedBy, decidedAt }) => {
    const head = wrapped(`${kind.padEnd(8)}  ${label}`, ' '.repeat(12), `  ${shortId(id)}  `);
    const day = new Date(decidedAt).toISOString().slice(0, 10);
    return `${head}\n${' '.repeat(22)}${allowed ? 'let in' : 'refused'} by ${decidedBy}, ${day}\n`;
  });
  return [
    pending.length === 0
      ? 'Nobody waits to be let in.\n'
      : `Waiting; each shows its code to the person who is there:\n${waiting.join('')}  porchlight approvals allow CODE, or refuse CODE\n`,
    ...(answered.length === 0 ? [] : [`\nAnswered before:\n${answered.join('')}`]),
  ].join('');
}
