import { writeFileSync } from 'node:fs';
import { runProbe } from './probe/runProbe.ts';

test('the probe', async () => {
  const tally = await runProbe(process.env['PROBE_URL'] ?? '');
  writeFileSync(process.env['PROBE_OUT'] ?? '', JSON.stringify(tally));
  expect(tally.wrong).toEqual([]);
});
