import { expect } from 'chai';
import type { AuditSink } from '../../lib/audit/sink/AuditSink.js';
import type { AuditKey } from '../../lib/audit/tree/AuditKey.js';
import { auditLog } from '../../lib/audit/writer/AuditLog.js';
import { guard } from '../../lib/guard/guard.js';
import { AegisModule } from '../../lib/guard/module/AegisModule.js';
import { rejection } from './rejection.js';

const POLICIES = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @approvers("leads") forbid (principal, action == Aegis::Action::"pay", resource);
  @id("mask") @effect("sanitize") @sanitize("set /note \\"-\\"") forbid (principal, action == Aegis::Action::"write", resource) when { context.input.note != "-" };
  @id("no") @reason("never") forbid (principal, action == Aegis::Action::"wipe", resource);`;

/** Lets a module with an audit log allow, change, refuse, fail and ask, and closes both. Resolves to the checkpoints. */
export async function auditedWork(sink: AuditSink, key: AuditKey): Promise<string[]> {
  const heads: string[] = [];
  const log = auditLog({ sink, origin: 'acme.example/pay', key, onCheckpoint: (note) => heads.push(note) });
  const module = AegisModule.create({
    policies: { text: POLICIES },
    agentId: 'shop-agent',
    journal: log,
    approverGroups: { leads: ['bob', 'cat'] },
  });
  const tool = (toolName: string): ((note: string) => Promise<string>) =>
    guard(async (note: string) => note, { module, toolName, params: ['note'], approval: 'wait' });
  const [read, write, wipe, pay] = ['read', 'write', 'wipe', 'pay'].map(tool) as [
    ReturnType<typeof tool>,
    ReturnType<typeof tool>,
    ReturnType<typeof tool>,
    ReturnType<typeof tool>,
  ];
  const failing = guard(() => Promise.reject(new Error('broken')), { module, toolName: 'fail', params: [] });
  expect(await read('a')).to.equal('a');
  expect(await write('a')).to.equal('-');
  await rejection(wipe('a'));
  await rejection(failing());
  await module.decide({ toolName: 'read', params: { note: 'a' } });
  for (const [note, approve] of [
    ['yes', true],
    ['no', false],
  ] as const) {
    const call = pay(note).then(String, () => 'refused');
    let found = await module.approvals.list();
    while (found.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      found = await module.approvals.list();
    }
    const [{ decisionId = '', digest = '' } = {}] = found;
    await module.approvals[approve ? 'approve' : 'deny'](decisionId, { by: 'bob', digest, reason: 'as agreed' });
    expect(await call).to.equal(approve ? note : 'refused');
  }
  await module.close();
  await log.close();
  return heads;
}
