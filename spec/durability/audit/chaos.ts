// node .build/spec/durability/audit/chaos.js --kills 500 --seed 1
// Kills processes with an audit log in `required` at random, and holds the log against what ran.
import { parseArgs } from 'node:util';
import { lineOf, playAuditKills } from './playAuditKills.js';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '500' }, seed: { type: 'string', default: '1' } } });
const end = await playAuditKills(Number(values.kills), Number(values.seed));
console.log(lineOf(end));
for (const fault of end.faults.slice(0, 50)) console.error(fault);
if (end.faults.length > 0) process.exitCode = 1;
