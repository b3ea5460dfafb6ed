// `npm run volume:audit`: what is told of audit logs and staged policies, at full volume. Every byte of 1,000 records is flipped (four times what a full run of the
// other specs does, which flips every fourth), 10,000 logs are changed at random, 1,000,000 calls are decided with and without staged policies, and 100,000 random
// sets of policies have watched ones.
import { spawnSync } from 'node:child_process';

const RUNS = [
  ['4', 'audit/verify/tampering.spec.js', 'every byte'],
  ['1', 'audit/verify/tampering.spec.js', '10,000 random'],
  ['1', 'assurance/stagedPolicies.spec.js'],
  ['1', 'assurance/observedPolicies.spec.js'],
];
let failed = 0;
for (const [volume, spec, title] of RUNS) {
  const grep = title === undefined ? [] : ['-g', title];
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/mocha/bin/mocha.js', '--timeout', '3600000', ...grep, `.build/spec/${spec}`],
    {
      stdio: 'inherit',
      env: { ...process.env, AEGIS_VOLUME: volume },
    },
  );
  if (status !== 0) failed += 1;
}
process.exitCode = failed;
