import { expect } from 'chai';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonlFolder } from '../../../lib/audit/sink/jsonl/jsonlFolder.js';
import { AuditKey } from '../../../lib/audit/tree/AuditKey.js';
import { auditLog } from '../../../lib/audit/writer/AuditLog.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { PERMIT_ALL } from '../../support/policyCalls.js';
import { failureOf, folderOf, runAegis } from '../runAegis.js';

const NO = '@id("no") forbid (principal, action == Aegis::Action::"drop", resource);';

const ASK = '@id("ask") @effect("approval_needed") forbid (principal, action == Aegis::Action::"pay", resource);';

describe('aegis audit replay', function () {
  this.timeout(20_000);
  const files = folderOf({ 'now.cedar': PERMIT_ALL + NO, 'looser.cedar': PERMIT_ALL, 'fewer.cedar': PERMIT_ALL + ASK, 'stricter.cedar': PERMIT_ALL + NO + NO.replace('"no"', '"read"').replace('"drop"', '"read"'), 'empty/.keep': '', 'agents.json': '{"bot":{"roles":["x"]}}' }); // prettier-ignore
  const log = files.path('log');
  after(() => files.remove());
  before(async () => {
    const journal = auditLog({ sink: jsonlFolder(log), origin: 'spec', key: AuditKey.generate() });
    const aegis = AegisModule.create({ agentId: 'bot', policies: { text: PERMIT_ALL + NO }, journal });
    for (const toolName of ['drop', 'drop', 'read'])
      await guardCall(aegis, { agentId: 'bot', toolName, params: { secret: 'canary' } }, () => 1);
    await aegis.close();
    await journal.close();
  });
  const replay = (policies: string, ...more: string[]) => runAegis(['audit', 'replay', log, '--policies', files.path(policies), ...more]);

  it('says that nothing would change', async () => {
    expect(await replay('now.cedar', '--fail-on', 'any', '--agents', `@${files.path('agents.json')}`)).to.deep.equal({
      code: 0,
      stdout: '3 calls compared: 0 newly allowed, 0 asks fewer, 0 milder, 0 changed, 0 stricter\n',
      stderr: '',
    });
  });

  it('lists what would be newly allowed, and fails on it when told to', async () => {
    const { code, stdout } = await replay('looser.cedar', '--fail-on', 'newly-allowed');
    expect(code).to.equal(1);
    expect(stdout.split('\n')).to.deep.equal([
      'how            calls  tool  effect         policies',
      'newly allowed  2      drop  deny -> allow  no -> permit-all',
      '3 calls compared: 2 newly allowed, 0 asks fewer, 0 milder, 0 changed, 0 stricter',
      '',
    ]);
    for (const kind of ['milder', 'any']) expect((await replay('looser.cedar', '--fail-on', kind)).code, kind).to.equal(1);
    expect((await replay('looser.cedar')).code).to.equal(0);
  });

  it('fails on calls about which fewer would ask, where it is told so', async () => {
    const place = files.path('asked');
    const journal = auditLog({ sink: jsonlFolder(place), origin: 'spec', key: AuditKey.generate() });
    const policies = PERMIT_ALL + ASK + ASK.replace('"ask"', '"large"');
    const aegis = AegisModule.create({ agentId: 'bot', policies: { text: policies }, journal });
    await guardCall(aegis, { agentId: 'bot', toolName: 'pay', params: {} }, () => 1);
    await aegis.close();
    await journal.close();
    const asked = (...more: string[]) => runAegis(['audit', 'replay', place, '--policies', files.path('fewer.cedar'), ...more]);
    expect((await asked()).stdout).to.include(
      'asks fewer  1      pay   approval_needed -> approval_needed  ask, large, permit-all -> ask, permit-all',
    );
    for (const [kind, code] of [
      ['newly-allowed', 0],
      ['asks-fewer', 1],
      ['milder', 1],
      ['any', 1],
    ] as const)
      // prettier-ignore
      expect((await asked('--fail-on', kind)).code, kind).to.equal(code);
    expect((await replay('looser.cedar', '--fail-on', 'asks-fewer')).code).to.equal(1);
  });

  it('does not fail on what would be stricter, unless on any difference', async () => {
    for (const [kind, code] of [
      ['newly-allowed', 0],
      ['asks-fewer', 0],
      ['milder', 0],
      ['any', 1],
    ] as const)
      // prettier-ignore
      expect((await replay('stricter.cedar', '--fail-on', kind)).code, kind).to.equal(code);
  });

  it('says what could not be compared, and why', async () => {
    const place = files.path('partly');
    const journal = auditLog({ sink: jsonlFolder(place), origin: 'spec', key: AuditKey.generate() });
    const facts = (): never => {
      throw new Error('no facts today');
    };
    for (const source of [{}, { facts }]) {
      const aegis = AegisModule.create({ agentId: 'bot', policies: { text: PERMIT_ALL }, ...source, journal });
      await guardCall(aegis, { agentId: 'bot', toolName: 'read', params: {} }, () => 1);
      await aegis.close();
      if (!('facts' in source)) await journal.erase({ user: 'bot', by: 'ann' });
    }
    await journal.close();
    appendFileSync(join(place, 'w0', 'records-000000.jsonl'), 'this is no record\n');
    const { stdout } = await runAegis(['audit', 'replay', place, '--policies', files.path('now.cedar')]);
    expect(stdout.trimEnd().split('\n').slice(1)).to.deep.equal([
      '1 decision not compared: what was decided on was erased',
      '1 decision not compared: policies had no part in them',
      '1 line not read: aegis audit verify says what is wrong',
    ]);
  });

  it('gives one JSON document, without params', async () => {
    const { stdout } = await replay('looser.cedar', '--json');
    expect(JSON.parse(stdout)).to.deep.include({ compared: 3, decisions: 3, erased: 0, notByPolicies: 0, unreadable: 0 });
    expect(stdout).to.not.contain('canary');
  });

  it('says what is wrong with what it is given', async () => {
    const policies = ['--policies', files.path('now.cedar')];
    expect(await failureOf(['audit', 'replay', files.path('none'), ...policies])).to.contain('there is no such folder');
    expect(await failureOf(['audit', 'replay', files.path('now.cedar'), ...policies])).to.match(/sqlite/i);
    expect(await failureOf(['audit', 'replay', files.path('empty'), ...policies])).to.contain('there is no audit log there');
    expect(await failureOf(['audit', 'replay', log, ...policies, '--fail-on', 'newly'])).to.contain(
      'newly-allowed, asks-fewer, milder, any',
    );
    expect(await failureOf(['audit', 'replay', log])).to.contain('--policies');
    expect(await failureOf(['audit', 'replay', log, '--policies', files.path('none.cedar')])).to.contain('no such file');
    expect(await failureOf(['audit', 'replay', log, ...policies, '--agents', '[]'])).to.contain('--agents must be a JSON object');
  });

  it('finds what the stricter policies of the samples change in the log of the demo, and nothing else', async () => {
    const demo = files.path('demo');
    const journal = auditLog({ sink: jsonlFolder(demo), origin: 'spec', key: AuditKey.generate() });
    const aegis = AegisModule.create({ agentId: 'ops-agent', policies: 'samples/inbox/policies', journal });
    for (const [agentId, toolName, params] of [
      ['support-agent', 'orders.read', { order: 'A-1' }],
      ['support-agent', 'chat.reply', { text: 'Write to ann@acme.example' }],
      ['support-agent', 'payments.refund', { order: 'A-1', amount: 20, note: '' }],
      ['support-agent', 'crm.export', { format: 'csv' }],
      ['outreach-agent', 'mail.send', { to: 'ann@acme.example', subject: '', body: '' }],
      ['ops-agent', 'db.query', { sql: 'select 1' }],
      ['ops-agent', 'db.execute', { sql: 'drop table orders', database: 'shop' }],
    ] as const)
      await guardCall(aegis, { agentId, toolName, params }, () => 1);
    await aegis.close();
    await journal.close();
    const { stdout } = await runAegis(['audit', 'replay', demo, '--policies', 'samples/policies-stricter']);
    expect(
      stdout
        .split('\n')
        .slice(1)
        .map((line) => line.replace(/ {2,}/g, '  ').trim()),
    ).to.deep.equal([
      'stricter  1  chat.reply  sanitize -> deny  no-addresses, support-tools -> no-addresses',
      'stricter  1  db.execute  approval_needed -> deny  ops-tools, schema-changes -> no-schema-changes',
      'stricter  1  payments.refund  allow -> approval_needed  support-tools -> refunds, support-tools',
      '7 calls compared: 0 newly allowed, 0 asks fewer, 0 milder, 0 changed, 3 stricter',
      '',
    ]);
  });
});
