import { expect, it } from 'vitest';
import { Metrics } from '../../../src/kit/runtime/metrics.ts';

it('exposes counters, gauges and histograms in the text format, and nothing of other registries', async () => {
  const metrics = new Metrics();
  metrics.counter('tested_requests_total', 'Requests.', ['code']).inc({ code: 'ok' }, 2);
  let read = 1;
  metrics.gauge('tested_boxes', 'Boxes.', { read: () => read });
  metrics.histogram('tested_seconds', 'Time.', [0.1, 1]).observe(0.5);
  new Metrics().counter('other_total', 'Other.').inc();
  read = 7;
  const text = await metrics.text();
  expect(text).toContain('# HELP tested_requests_total Requests.\n# TYPE tested_requests_total counter\n');
  expect(text).toContain('tested_requests_total{code="ok"} 2\n');
  expect(text).toContain('tested_boxes 7\n');
  expect(text).toContain('tested_seconds_bucket{le="1"} 1\n');
  expect(text).not.toContain('other_total');
});

it('lets two registries hold the same name, and one only once', () => {
  const metrics = new Metrics();
  metrics.counter('same_total', 'x');
  new Metrics().counter('same_total', 'x');
  expect(() => metrics.counter('same_total', 'x')).toThrow('same_total');
});
