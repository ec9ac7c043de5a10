import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

/** What a run of the tests came to. */
export interface Report {
  passed: number;
  failed: number;
  skipped: number;
  /** Tests that were done a second time, and whether they passed then. */
  repeated: { file: string; name: string; passed: boolean }[];
  /** Every file, with what it took. */
  files: { file: string; ms: number }[];
  /** Of all properties of the run. */
  seed: number;
}

/** Writes the report to the file that TEST_REPORT names. vitest makes one of the default export. */
class ReportWriter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env['TEST_REPORT'];
    const report = reportOf(modules, Number(process.env['TEST_SEED']));
    if (path !== undefined) writeFileSync(path, JSON.stringify(report));
    else if (report.failed > 0) process.stdout.write(seedLine(report.seed));
  }
}
// oxlint-disable-next-line import/no-default-export -- as vitest wants it
export default ReportWriter;

function reportOf(modules: readonly TestModule[], seed: number): Report {
  const report: Report = { passed: 0, failed: 0, skipped: 0, repeated: [], files: [], seed };
  for (const module of modules) {
    const file = relative(process.cwd(), module.moduleId);
    const { collectDuration, duration, environmentSetupDuration, setupDuration } = module.diagnostic();
    report.files.push({ file, ms: collectDuration + duration + environmentSetupDuration + setupDuration });
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      report[state === 'passed' || state === 'failed' ? state : 'skipped']++;
      if ((test.diagnostic()?.retryCount ?? 0) > 0)
        report.repeated.push({ file, name: test.fullName, passed: state === 'passed' });
    }
  }
  return report;
}

const seedLine = (seed: number): string =>
  `Properties had the seed ${seed}; the same again: TEST_SEED=${seed} npm test -- FILE\n`;

/** The last lines of `npm test` before the count: where the time went, the seed, and what had to be repeated. */
export function closing({ files, repeated, seed }: Report): string {
  const slowest = files.toSorted((a, b) => b.ms - a.ms).slice(0, 10);
  const lines = slowest.map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${file}\n`);
  const again = repeated.map(
    ({ file, name, passed }) => `  ↻ ${file} > ${name} (${passed ? 'passed' : 'failed'} the second time)\n`,
  );
  const parts = [
    lines.length === 0 ? '' : `The slowest files:\n${lines.join('')}`,
    seedLine(seed),
    again.length === 0
      ? ''
      : `Repeated, because they wait for other processes: ${again.length}\n${again.join('')}`,
  ];
  return parts.filter((part) => part !== '').join('\n');
}
