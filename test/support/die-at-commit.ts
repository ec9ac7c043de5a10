import { DatabaseSync, StatementSync } from 'node:sqlite';

type When = 'before' | 'after';

/**
 * Calls `hook` right before and right after each commit of any store of this process, with its number, until the function it
 * answers is called. A write outside of a transaction is a commit of its own.
 */
export function atCommits(hook: (nth: number, when: When) => void): () => void {
  let commits = 0;
  const around = <T>(commit: () => T): T => {
    const nth = ++commits;
    hook(nth, 'before');
    const result = commit();
    hook(nth, 'after');
    return result;
  };
  const owner = new WeakMap<StatementSync, DatabaseSync>();
  // oxlint-disable typescript/unbound-method -- they are called on what they were taken from
  const { exec, prepare } = DatabaseSync.prototype;
  const { run } = StatementSync.prototype;
  DatabaseSync.prototype.exec = function patched(sql: string): void {
    if (!sql.startsWith('COMMIT')) return exec.call(this, sql);
    return around(() => exec.call(this, sql));
  };
  DatabaseSync.prototype.prepare = function patched(sql: string): StatementSync {
    const statement = prepare.call(this, sql);
    owner.set(statement, this);
    return statement;
  };
  StatementSync.prototype.run = function patched(
    this: StatementSync,
    ...values: Parameters<StatementSync['run']>
  ) {
    // One that was prepared before is part of whatever there is.
    const alone = owner.get(this)?.isTransaction === false;
    return alone ? around(() => run.apply(this, values)) : run.apply(this, values);
  } as StatementSync['run'];
  return () => {
    DatabaseSync.prototype.exec = exec;
    DatabaseSync.prototype.prepare = prepare;
    StatementSync.prototype.run = run;
  };
}

/** The process dies by SIGKILL at the `nth` commit from now on: right before it, or right after it. */
export function dieAtCommit(wanted: number, at: When): void {
  atCommits((nth, when) => {
    if (nth === wanted && when === at) process.kill(process.pid, 'SIGKILL');
  });
}
