import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../../lib/cli/program.js';
import { serve } from '../../../lib/cli/server/serve.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';
import { failureOf, runAegis } from '../runAegis.js';

const POLICY = `@id("all") permit (principal, action, resource);
@id("refund") @effect("approval_needed") @reason("a person looks at refunds") @severity("high")
forbid (principal, action == Aegis::Action::"refund", resource);\n`;

describe('aegis approvals, of a server that keeps them in memory', function () {
  this.timeout(60_000);
  let folder: string;
  let aegis: AegisModule;
  let ended: Promise<number>;
  let refund: (order: string, cents: bigint) => Promise<unknown>;
  const data = (): string => join(folder, 'project', '.aegis');
  const run = (...args: string[]) => runAegis(['approvals', ...args, '--data', data()]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  const ask = async (order: string): Promise<PendingApproval<string>> => {
    const pending = (await refund(order, 7n)) as PendingApproval<string>;
    pending.completed.catch(() => {});
    return pending;
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-approvals-'));
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
    writeFileSync(join(folder, 'all.cedar'), POLICY);
    let out = '';
    const io = { out: (text: string) => void (out += text), err: () => {}, beforeForeignCode: () => {} };
    ended = runProgram(['serve', join(folder, 'all.cedar'), '--data', data(), '--store', 'memory', '--listen', '127.0.0.1:0'], io, {
      serve,
    });
    await until(() => out.includes('apiKey'));
    const [, baseUrl = '', apiKey = ''] = /baseUrl: '([^']+)', apiKey: '([^']+)'/.exec(out) ?? [];
    aegis = AegisModule.create({ baseUrl, apiKey, agentId: 'shop', retries: 10 });
    refund = guard(async (order: string, cents: bigint) => `${order}: ${cents}`, {
      toolName: 'refund',
      params: ['order', 'cents'],
      approval: 'defer',
      module: aegis,
    }) as never;
  });
  after(async () => {
    await aegis.close({ graceMs: 0 });
    process.emit('SIGTERM', 'SIGTERM');
    expect(await ended).to.equal(0);
    delete process.env['XDG_CONFIG_HOME'];
    rmSync(folder, { recursive: true });
  });

  it('list, show and approve, for the digest that was shown; the program then runs the call', async () => {
    const pending = await ask('one');
    const { approvals } = await json('list');
    expect(approvals).to.have.length(1);
    expect(approvals[0]).to.include({ decisionId: pending.decisionId, agentId: 'shop', toolName: 'refund', status: 'pending' });
    const shown = (await run('show', pending.decisionId)).stdout;
    expect(shown).to.include('a person looks at refunds').and.include('one');
    const { digest } = await json('show', pending.decisionId);
    const wrong = await run('approve', pending.decisionId, '--code', 'none');
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.include('not that of this');
    const { stdout } = await run('approve', pending.decisionId, '--code', digest.slice(0, 4));
    expect(stdout).to.include('approved');
    expect(await pending.completed).to.equal('one: 7');
    expect(await failureOf(['approvals', 'deny', pending.decisionId, '--data', data()])).to.match(/already approved by host:/);
  });

  it('show what its tool says that it would do, in lines and in JSON, and hide what its guard hides', async () => {
    const card = 'canary-of-the-card-0017';
    const pay = guard(async (_card: string) => 'paid', {
      toolName: 'refund',
      params: ['card'],
      approval: 'defer',
      module: aegis,
      sensitive: { '/card': 'secret' },
      preview: (_self, [given]) =>
        given === card
          ? { summary: 'Takes 7 from it', changes: [{ what: 'till', before: 1n, after: 8n }], reversible: 'external' }
          : Promise.reject(),
    });
    const pending = (await pay(card)) as unknown as PendingApproval<string>;
    pending.completed.catch(() => {});
    const lines = (await run('show', pending.decisionId)).stdout;
    expect(lines).to.include('Preview   Takes 7 from it').and.include('till: "1" -> "8"').and.include('…0017');
    const shown = await json('show', pending.decisionId);
    expect(shown.preview.content).to.deep.equal({
      summary: 'Takes 7 from it',
      changes: [{ what: 'till', before: '1', after: '8' }],
      reversible: 'external',
    });
    expect(shown).to.deep.include({ hidden: ['/card'], params: { card: '(hidden, but for the end: …0017)' } });
    expect(lines + JSON.stringify(shown)).to.not.contain(card);
    const failed = (await pay('another card')) as unknown as PendingApproval<string>;
    failed.completed.catch(() => {});
    expect((await run('show', failed.decisionId)).stdout).to.include('Preview   none: making it failed');
    for (const { decisionId } of [pending, failed]) await json('deny', decisionId);
  });

  it('deny, with a reason', async () => {
    const pending = await ask('two');
    expect((await json('deny', pending.decisionId, '--reason', 'not this one')).status).to.equal('denied');
    expect(await rejection(pending.completed)).to.include({ name: 'ForbiddenError' });
    const { verdicts } = await json('show', pending.decisionId);
    expect(verdicts[0].by).to.match(/^host:/);
  });

  it('list page after page, oldest first, by status, agent and tool, up to the limit', async () => {
    const asked: string[] = [];
    for (let i = 0; i < 205; i++) asked.push((await ask(`order ${i}`)).decisionId);
    const ids = async (...args: string[]): Promise<string[]> =>
      ((await json('list', ...args)).approvals as { decisionId: string }[]).map(({ decisionId }) => decisionId);
    expect(await ids('--limit', '300')).to.have.members(asked);
    expect(await ids('--limit', '3')).to.have.length(3);
    expect(await ids('--status', 'denied')).to.have.length(3);
    expect(await ids('--agent', 'nobody-else')).to.deep.equal([]);
    expect(await ids('--tool', 'refund', '--agent', 'shop', '--limit', '1')).to.have.length(1);
  });

  it('say that there is none of this id', async () => {
    for (const command of ['show', 'approve', 'deny'])
      expect(await failureOf(['approvals', command, 'dec_none', '--data', data()])).to.include('there is no approval with this id');
  });
});
