// What staged policies cost beside a decision, and how fast past calls are decided again.
import { CedarPolicyEngine, ReloadablePolicies } from 'aegislib/policy';
import { replayLog } from '../lib/audit/replay/replayLog.js';
import type { AuditSource } from '../lib/audit/sink/AuditSink.js';
import { canonicalText } from '../lib/common/data/canonical.js';
import { compare } from './compare.js';
import { report } from './figure.js';
import { POLICIES } from './peers/transfer.js';

const agents = { agent: { roles: ['finance'] } };
const params = { iban: 'DE02120300000000202051', amount: 250, currency: 'EUR' };
const session = { user_id: 'u-1', env: 'production' };
const call = { agentId: 'agent', toolName: 'transfer', groups: [], params, session, facts: {}, nowMs: 1_700_000_000_000, removable: [] };
const policies = new ReloadablePolicies({ source: { text: POLICIES }, agents });
const { engine } = policies;
const staged = await policies.stage({ source: { text: POLICIES } });

// in groups that the report compares: then the cost of comparing is in the time that is taken
let waiting = 0;
const both = await compare(
  'decision with staged policies',
  () => {
    policies.decided(call, engine.evaluate(call), engine);
    if (++waiting % 1_000 === 0) staged.report();
  },
  () => engine.evaluate(call),
);
if (staged.report().skipped > 0) throw new Error('the bench leaves calls out');

const CALLS = 200_000;
const values = { original: canonicalText(params), session: canonicalText(session) };
const line = (seq: number): string =>
  `{"v":1,"seq":${seq},"at":1700000000000,"writer":"w0","kind":"decided","agentId":"agent","callId":"c-${seq}","decisionId":"d-${seq}","effect":"allow","original":"x","session":"x","toolName":"transfer"}`;
const source: AuditSource = {
  writers: () => ['w0'],
  async *lines() {
    for (let seq = 0; seq < CALLS; seq += 1_000) yield Array.from({ length: 1_000 }, (_, i) => line(seq + i));
  },
  async *checkpoints() {},
  async *openings() {
    for (let seq = 0; seq < CALLS; seq++) yield { seq, decisionId: `d-${seq}`, at: 1_700_000_000_000, salt: '', values };
  },
};
const other = CedarPolicyEngine.load({ sources: [{ file: 'a.cedar', text: POLICIES }], agents });
await replayLog(source, { engine: other });
const start = process.cpuUsage();
const { compared } = await replayLog(source, { engine: other });
const { user, system } = process.cpuUsage(start);
if (compared !== CALLS) throw new Error('the bench leaves decisions out');

report([
  {
    name: 'decision with staged policies ÷ decision',
    value: both.ratio,
    unit: '×',
    goal: { atMost: 2.2 },
    limit: { atMost: 6 },
    note: 'after the answer',
  },
  {
    name: 'past calls decided again, per second of CPU',
    value: (CALLS / (user + system)) * 1_000_000,
    unit: '',
    goal: { atLeast: 100_000 },
  },
]);
policies.close();
