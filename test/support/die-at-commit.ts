import { DatabaseSync, StatementSync } from 'node:sqlite';

/**
 * The process dies by SIGKILL at the `nth` commit of a store from now on: right before it, or right after it. Answers how many
 * there were so far. A write outside of a transaction is a commit of its own.
 */
export function dieAtCommit(nth: number, when: 'before' | 'after'): () => number {
  let commits = 0;
  const around = <T>(commit: () => T): T => {
    commits += 1;
    if (commits === nth && when === 'before') process.kill(process.pid, 'SIGKILL');
    const result = commit();
    if (commits === nth) process.kill(process.pid, 'SIGKILL');
    return result;
  };
  // oxlint-disable typescript/unbound-method -- they are called on what they were taken from
  const owner = new WeakMap<StatementSync, DatabaseSync>();
  const { exec, prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.exec = function patched(sql: string): void {
    if (!sql.startsWith('COMMIT')) return exec.call(this, sql);
    return around(() => exec.call(this, sql));
  };
  DatabaseSync.prototype.prepare = function patched(sql: string): StatementSync {
    const statement = prepare.call(this, sql);
    owner.set(statement, this);
    return statement;
  };
  const { run } = StatementSync.prototype;
  StatementSync.prototype.run = function patched(
    this: StatementSync,
    ...values: Parameters<StatementSync['run']>
  ) {
    const database = owner.get(this);
    const alone = database === undefined || !database.isTransaction;
    return alone ? around(() => run.apply(this, values)) : run.apply(this, values);
  } as StatementSync['run'];
  return () => commits;
}
