import { expect } from 'chai';
import { MemorySink } from '../../../lib/audit/sink/MemorySink.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { verifyAudit } from '../../../lib/audit/verify/verifyAudit.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import type { DirectoryPerson } from '../../../lib/decision/desk/Directory.js';
import { AegisModule, guard, isPending } from '../../../lib/index.js';
import type { AegisOptions } from '../../../lib/index.js';

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("ask") @effect("approval_needed") @approvers("finance") @grantable("5 uses; 8h") forbid (principal, action, resource);
`;
const person = (id: string, groups: readonly string[]): DirectoryPerson => ({
  id,
  name: id,
  ids: [id, `${id}@acme.example`],
  groups,
  groupsFrom: 'ldap',
});
const PEOPLE: readonly DirectoryPerson[] = [person('ann', ['staff']), person('una', []), person('fay', ['finance'])];
const directory = { personOf: (id: string) => PEOPLE.find(({ ids }) => ids.includes(id)), hasPeople: () => true };

describe('The log of people who may decide for more than one reason', () => {
  for (const [what, by, groups, options] of [
    [
      'the program names the group of someone whom a directory knows',
      'ann',
      ['staff', 'finance'],
      { approverGroups: { finance: ['ann'] } },
    ],
    ['it names them by another id', 'ann', ['staff', 'finance'], { approverGroups: { finance: ['ANN@acme.example'], other: ['una'] } }],
    ['the directory names it', 'fay', ['finance'], { approverGroups: { finance: ['fay'], none: [] } }],
    ['the program says so by itself', 'ann', undefined, { mayApprove: () => true }],
  ] as const)
    it(`is lawful where ${what}`, async () => {
      const [sink, key] = [new MemorySink(), AuditKey.generate()];
      const log = auditLog({ sink, key, origin: 'acme.example/pay' });
      const given: AegisOptions = { ...options, directory, agentId: 'bot', policies: { text: POLICIES }, journal: log };
      const module = AegisModule.create(given);
      const refund = guard(async (amount: number) => amount, {
        toolName: 'refund',
        params: ['amount'],
        module,
        approval: 'defer',
        session: () => ({ user_id: 'una' }),
      });
      const pending = await refund(5);
      if (!isPending(pending)) throw new Error('it did not wait');
      const { decisionId } = pending;
      const { digest } = (await module.approvals.get(decisionId)) ?? {};
      const record = await module.approvals.approve(decisionId, { by, digest, grant: { uses: 1, forMs: 10_000 } });
      expect(record.verdicts[0]).to.deep.include({ by, groupsFrom: 'ldap' });
      expect(record.verdicts[0]?.groups).to.deep.equal(groups);
      expect(await pending.completed).to.equal(5);
      expect(await refund(5)).to.equal(5);
      await module.close();
      await log.close();
      const { law, integrity } = await verifyAudit(sink.source, { keys: [key.publicKey] });
      expect([law.findings, integrity.findings]).to.deep.equal([[], []]);
    });
});
