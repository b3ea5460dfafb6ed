import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretString } from '../../../lib/common/SecretString.js';
import { runProgram } from '../../../lib/cli/program.js';
import { writeRunFile } from '../../../lib/cli/server/RunFile.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import { isPending } from '../../../lib/model/PendingApproval.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import { createDataPlane } from '../../../lib/server/createDataPlane.js';
import { writeApproval } from '../../../lib/decision/wire/approvalAnswer.js';
import { MemoryStateStore } from '../../../lib/store/memory/MemoryStateStore.js';
import type { ServerStore } from '../../../lib/store/StateStore.js';
import { recordOf } from '../../support/approvalRecords.js';
import { until } from '../../support/until.js';
import { failureOf, runAegis } from '../runAegis.js';

/** An editor may approve what they have edited, but for large refunds; small ones may be granted. */
const POLICIES = `@id("all") permit (principal, action, resource);
@id("cap") @reason("never more than 500") forbid (principal, action, resource) when { context.input.amount > 500 };
@id("ask") @effect("approval_needed") @reason("a person decides") @editable("/amount, /note, /cents") @grantable("50 uses; 8h") @editor_may_approve("true")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("large") @effect("approval_needed") @reason("somebody else decides") @editable("/amount, /note, /cents")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 300 };
@id("mail") @effect("sanitize") @sanitize("mask_email /note") @reason("no addresses")
forbid (principal, action, resource) when { context.input has note && context.input.note like "*@*" };
@id("pay") @effect("approval_needed") @reason("a person pays") @grantable("50 uses; 8h") forbid (principal, action == Aegis::Action::"pay", resource);
@id("ship") @effect("approval_needed") @reason("two look at it") @editable("/amount") forbid (principal, action == Aegis::Action::"ship", resource);
@id("plain") @effect("approval_needed") @reason("as it is, or not at all") forbid (principal, action == Aegis::Action::"wire", resource);
`;
const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined;
const STATE_KEY = new SecretString('state-key-for-specs-0123456789abcdef');

type Params = { amount: number; note: string; cents: bigint };

/** A program that asks, and commands that reach what it asks. */
interface World {
  readonly module: AegisModule;
  close(): Promise<void>;
}

describe('aegis approvals, with edits and grants', function () {
  this.timeout(30_000);
  let folder: string;
  let world: World;
  let guards = 0;
  const data = (): string => join(folder, 'project', '.aegis');
  const base = (): string[] => ['--data', data(), '--state-key-file', join(folder, 'state.key')];
  const run = (...args: string[]) => runAegis(['approvals', ...args, ...base()]);
  const fail = (...args: string[]) => failureOf(['approvals', ...args, ...base()]);
  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect(code, stderr).to.equal(0);
    return JSON.parse(stdout);
  };
  const ask = async (params: Partial<Params> = {}, toolName = 'refund'): Promise<PendingApproval<Params>> => {
    const call = guard(async (amount: number, note: string, cents: bigint) => ({ amount, note, cents }), {
      toolName,
      params: ['amount', 'note', 'cents'],
      approval: 'defer',
      key: `guard-${++guards}`,
      module: world.module,
    });
    const { amount = 250, note = 'late', cents = 7n } = params;
    const pending = await call(amount, note, cents);
    if (!isPending<Params>(pending)) throw new Error('it did not wait');
    pending.completed.catch(() => {});
    return pending;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegis-edit-'));
    mkdirSync(data(), { recursive: true });
    writeFileSync(join(folder, 'policies.cedar'), POLICIES);
    writeFileSync(join(folder, 'state.key'), STATE_KEY.reveal(), { mode: 0o600 });
    process.env['XDG_CONFIG_HOME'] = join(folder, 'config');
  });
  afterEach(async () => {
    await world.close();
    delete process.env['XDG_CONFIG_HOME'];
    delete process.env['AEGIS_SERVER_POLICIES'];
    rmSync(folder, { recursive: true });
  });

  const served = async (store: ServerStore, kept: 'memory' | { readonly sqlite: string }): Promise<World> => {
    const plane = createDataPlane({ policies: { text: POLICIES }, store, stateKey: STATE_KEY });
    await plane.ready();
    const key = (await plane.createKey({ name: 'spec', scopes: ['decide'], sessionTrusted: true })).key.reveal();
    const { url } = await plane.listen({ port: 0 });
    writeRunFile(data(), { pid: process.pid, url, store: kept });
    const module = AegisModule.create({ baseUrl: url, apiKey: key, agentId: 'bot' });
    return {
      module,
      async close() {
        await module.close({ graceMs: 0 });
        await plane.close({ idleMs: 0, graceMs: 1_000 });
      },
    };
  };
  const file = (): string => join(data(), 'aegis.db');
  const program = async (): Promise<World> => {
    process.env['AEGIS_SERVER_POLICIES'] = join(folder, 'policies.cedar');
    const module = AegisModule.create({ policies: { text: POLICIES }, agentId: 'bot', store: file(), stateKey: STATE_KEY.reveal() });
    await module.ready();
    return { module, close: () => module.close({ graceMs: 0 }) };
  };
  const worlds: readonly (readonly [name: string, make: () => Promise<World>])[] = [
    ['of a server that keeps everything in memory', () => served(new MemoryStateStore(), 'memory')],
    [
      'of a server over its SQLite file',
      async () => served((await import('../../../lib/store/sqlite/index.js')).sqliteStore(file()), { sqlite: file() }),
    ],
    ['of a program, over its SQLite file', program],
  ];
  it('say that a server answers something else than approvals', async () => {
    const ids: string[] = [];
    const inner = await served(new MemoryStateStore(), 'memory');
    const server = createServer((request, response) => {
      // the approval is right, and nothing else
      if (request.method !== 'GET' || request.url?.endsWith('/grant-proposal') === true) {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"approvals":1}');
        return;
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    world = {
      module: inner.module,
      close: async () => {
        server.close();
        await inner.close();
      },
    };
    ids.push((await ask({}, 'ship')).decisionId);
    const shown = await json('show', ids[0] as string);
    const answer = writeApproval(
      recordOf({
        decisionId: ids[0] as string,
        digest: shown.digest,
        params: { amount: 1 },
        policies: [{ id: 'p', hash: 'h', editable: ['/amount'] }],
        amendable: {} as never,
        verdicts: [{ approve: true, by: 'ann', atMs: 1, policies: ['q'] }],
      }),
      true,
    );
    writeRunFile(data(), { pid: process.pid, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, store: 'memory' });
    for (const args of [['show', '--set', '/amount=2'], ['approve', '--grant', '1 use; 1h'], ['deny']])
      expect(await fail(args[0] as string, ids[0] as string, ...args.slice(1))).to.include(
        'the server answered something else than approvals',
      );
  });

  for (const [name, make] of worlds)
    describe(name, () => {
      beforeEach(async function () {
        if (!name.includes('memory') && !hasSqlite) {
          console.log('      skipped: needs node:sqlite (Node 22.13)');
          // nothing was opened
          world = { module: undefined as never, close: async () => {} };
          this.skip();
        }
        world = await make();
      });

      it('show an edit, and approve it for the code of the edited params alone', async () => {
        const pending = await ask();
        const { decisionId } = pending;
        const before = await json('show', decisionId);
        expect(before.editable).to.deep.equal(['/amount', '/note', '/cents']);
        expect((await run('show', decisionId)).stdout).to.include('Editable  /amount, /note, /cents\n');
        const edit = ['--set', '/amount=200', '--set', '/note=to ann@example.com', '--set', '/cents=9'];
        const shown = await run('show', decisionId, ...edit);
        expect(shown.code, shown.stderr).to.equal(0);
        expect(shown.stdout).to.match(/^Edit:\n {2}\/amount: 250 → 200\n/m);
        expect(shown.stdout).to.match(/^ {2}amount = 200 {3}\(edited by host:\S+; was 250\)$/m);
        expect(shown.stdout).to.match(/^ {2}note = "to \[email\]" {3}\(edited by host:.*; was "late"\)$/m);
        expect(shown.stdout).to.include('Status    pending, and not edited yet');
        const edited = await json('show', decisionId, ...edit);
        expect(edited).to.include({ decisionId, status: 'pending' });
        expect(edited.digest).to.not.equal(before.digest);
        expect(edited.changes.map(({ pointer }: { pointer: string }) => pointer)).to.have.members(['/amount', '/note', '/cents']);
        // nothing of that is recorded, and the code of what is asked about is not that of the edited call
        expect((await json('show', decisionId)).digest).to.equal(before.digest);
        const wrong = await run('approve', decisionId, ...edit, '--code', before.digest.slice(0, 4));
        expect(wrong).to.include({ code: 2 });
        expect(wrong.stderr).to.include('the code is not that of this approval');
        const bare = await run('approve', decisionId, ...edit);
        expect(bare.stderr).to.include('with the same --set and --remove');
        const { code, stdout, stderr } = await run(
          'approve',
          decisionId,
          ...edit,
          '--code',
          edited.digest.slice(0, 4),
          '--reason',
          'agreed',
        );
        expect(code, stderr).to.equal(0);
        expect(stdout).to.match(/\/amount: 250 → 200[^]*\napproved\n$/);
        const result = await pending.completed;
        expect(result).to.deep.include({ amount: 200, cents: 9n });
        expect(result.note).to.equal('to [email]');
        expect(pending.edited).to.have.members(['/amount', '/note', '/cents']);
        expect((await json('show', decisionId)).amendments[0].by).to.match(/^host:/);
      });

      it('edit without a verdict, where somebody else has to approve; a denial of an edited call runs nothing', async () => {
        const ship = await ask({}, 'ship');
        const own = await fail('approve', ship.decisionId, '--set', '/amount=400', '--code', '0000');
        expect(own).to.include('npx aegis approvals edit changes it for somebody else to approve');
        const { decisionId } = await ask();
        const edit = ['--set', '/amount=400'];
        const { digest, added } = await json('show', decisionId, ...edit);
        expect(added).to.deep.equal(['large']);
        expect((await run('show', decisionId, ...edit)).stdout).to.include('Asks too  large\n');
        expect(await fail('edit', decisionId, '--code', digest.slice(0, 4))).to.include(
          'nothing says what to edit; give --set or --remove',
        );
        const { code, stdout, stderr } = await run(
          'edit',
          decisionId,
          ...edit,
          '--code',
          digest.slice(0, 4),
          '--reason',
          'with the shipping',
        );
        expect(code, stderr).to.equal(0);
        expect(stdout).to.match(/edited; the call waits for somebody to approve it\n$/);
        const after = await json('show', decisionId);
        expect(after).to.include({ digest, status: 'pending' });
        expect(after.policies.map(({ id }: { id: string }) => id)).to.deep.equal(['ask', 'large']);
        expect((await run('show', decisionId)).stdout).to.match(/amount = 400 {3}\(edited by host:\S+; was 250\)/);
        expect((await json('deny', decisionId)).status).to.equal('denied');
      });

      it('ask at the terminal for the code of the edited call, and leave it undecided for anything else', async () => {
        const { decisionId } = await ask();
        const { digest } = await json('show', decisionId, '--set', '/amount=120');
        const asked: string[] = [];
        const answer = async (text: string): Promise<number> => {
          const io = {
            out: () => {},
            err: () => {},
            beforeForeignCode: () => {},
            ask: async (question: string) => (asked.push(question), text),
          };
          return runProgram(['approvals', 'edit', decisionId, '--set', '/amount=120', ...base()], io);
        };
        expect(await answer('')).to.equal(2);
        expect(asked[0]).to.include(`Type ${digest.slice(0, 4)} to edit it so`);
        expect(await answer(digest.slice(0, 4))).to.equal(0);
        expect((await json('show', decisionId)).digest).to.equal(digest);
      });

      it('approve with a grant, which then answers; show what it is and would have covered', async () => {
        let runs = 0;
        const pay = guard(async (amount: number, to: string) => `${++runs}: ${amount} to ${to}`, {
          toolName: 'pay',
          params: ['amount', 'to'],
          approval: 'defer',
          key: `guard-${++guards}`,
          module: world.module,
        });
        const asked = async (amount: number, to = 'ann'): Promise<PendingApproval<string>> => {
          const pending = await pay(amount, to);
          if (!isPending<string>(pending)) throw new Error('it did not wait');
          pending.completed.catch(() => {});
          return pending;
        };
        const codeOf = async (id: string): Promise<string> => (await json('show', id)).digest.slice(0, 4);
        const first = await asked(40);
        await run('approve', first.decisionId, '--code', await codeOf(first.decisionId));
        expect(await first.completed).to.equal('1: 40 to ann');
        const second = await asked(40);
        const { decisionId } = second;
        const code = ['--code', await codeOf(decisionId)];
        const grant = ['--grant', '2 uses; 90m', '--loosen', '/amount=0..100', '--loosen', 'params/to=in:ann, bob'];
        for (const [more, message] of [
          [['--grant', '60 uses; 1h'], 'must be a whole number from 1 to 50'],
          [['--grant', '2 uses; 9h'], 'which is the longest that @grantable allows'],
          [['--grant', '2 uses; 1h', '--loosen', '/amount=any'], 'takes a range'],
          [['--grant', '2 uses; 1h', '--loosen', '/amount=0..9'], 'does not cover the value in the approved call'],
          [['--grant', '2 uses; 1h', '--loosen', 'session/team=any'], 'must name a text, a number'],
          [['--grant', '2 uses; 1h', '--any-requester'], 'has a `user_id`'],
        ] as const)
          expect((await run('approve', decisionId, ...more, ...code)).stderr).to.include(message);
        const { code: exit, stdout, stderr } = await run('approve', decisionId, ...grant, ...code);
        expect(exit, stderr).to.equal(0);
        expect(stdout).to.include('Grant     2 later calls like this one, for 90 minutes: without asking\n');
        expect(stdout).to.include('  params/amount {">=":0,"<=":100}\n').and.include('  params/to {"in":["ann","bob"]}\n');
        expect(stdout).to.include(
          'History   of 1 call in the last 30 days, it would have covered 1\n  as far as their params and requester tell\n',
        );
        expect(stdout).to.match(/\napproved\ngrant grt_[0-9a-f]{32}\n$/);
        expect(await second.completed).to.equal('2: 40 to ann');
        // another process may not know of it for half a second, and asks until then
        let amount = 0;
        await until(async () => !isPending(await pay(++amount, 'bob')));
        expect(await pay(100, 'ann')).to.equal('4: 100 to ann');
        expect(isPending(await pay(8, 'ann'))).to.equal(true);
        expect((await runAegis(['grants', 'list', '--all', ...base()])).stdout).to.match(/used-up {2}bot pay {2}2 of 2 uses, .*, by host:/);
        const third = await asked(9);
        const made = await json('approve', third.decisionId, '--grant', '1 use; 1h', '--code', await codeOf(third.decisionId));
        expect(made).to.include({ status: 'approved' }).and.have.property('grantId').that.matches(/^grt_/);
        // its history counts with what the grant loosens: of calls that were used, no params are kept
        const fourth = await asked(200);
        const historyOf = async (...loosen: string[]): Promise<number[]> => {
          const shown = (await run('approve', fourth.decisionId, '--grant', '1 use; 1h', ...loosen, '--code', 'none')).stdout;
          return [/it would have covered (\d+)\n/, /of (\d+) more it cannot be told/].map((text) => Number(text.exec(shown)?.[1] ?? 0));
        };
        expect(await historyOf()).to.deep.equal([0, 0]);
        const [covered = 0, unclear = 0] = await historyOf('--loosen', '/amount=0..300');
        expect(covered).to.be.at.least(1);
        expect(covered + unclear).to.be.at.least(4);
        const plain = await ask({}, 'wire');
        const none = await run('approve', plain.decisionId, '--grant', '1 use; 1h', '--code', await codeOf(plain.decisionId));
        expect(none.stderr).to.include('A policy that asks has no @grantable');
      });

      const wrong: readonly (readonly [args: readonly string[], message: string])[] = [
        [['approve', '--set', '/amount'], '--set must be a place and its new value, such as /amount=200'],
        [['approve', '--set', '=200'], '--set must name a place by a JSON pointer'],
        [['approve', '--set', 'amount=200'], '--set must name a place by a JSON pointer'],
        [['approve', '--set', '/amuont=200'], "did you mean '/amount'?"],
        [['approve', '--set', '/to=200'], 'they let /amount, /note, /cents'],
        [['approve', '--set', '/amount=many'], '--set: /amount must be a number, such as 200 or 12.5'],
        [['approve', '--set', '/amount='], '--set: /amount must be a number'],
        [['approve', '--set', '/amount="200"'], '--set: /amount must be a number'],
        [['approve', '--set', '/amount=null'], '--set: /amount must be a number'],
        [['approve', '--set', '/amount=250'], 'The edit changes nothing of what would run'],
        [['approve', '--set', '/amount=900'], 'The policies deny the edited call: never more than 500'],
        [['approve', '--set', '/amount=1', '--set', '/amount=2'], '--set: /amount is given twice; give it once'],
        [['approve', '--set', '/amount=1', '--remove', '/amount'], 'Name each place once'],
        [['approve', '--remove', '/amount'], 'must be there'],
        [['approve', '--remove', '/amount/x'], 'There is nothing at /amount/x'],
        [['approve', '--remove', ''], '--remove must name a place by a JSON pointer'],
        [['approve', '--set', '/amount=200', '--grant', '1 use; 1h'], 'leave --grant out'],
        [['approve', '--grant', '10'], '--grant must be the most uses and the longest time'],
        [['approve', '--grant', '2000 uses; 1h'], '--grant must be'],
        [['approve', '--loosen', '/amount=any'], 'give --grant too'],
        [['approve', '--any-requester'], 'give --grant too'],
        [['approve', '--grant', '1 use; 1h', '--loosen', '/amount'], '--loosen must be a value and how it may differ'],
        [['approve', '--grant', '1 use; 1h', '--loosen', 'params/amount=about 5'], 'must say how the value may differ'],
        [['approve', '--grant', '1 use; 1h', '--loosen', '/amount=a..b'], 'a range is two numbers'],
        [['approve', '--grant', '1 use; 1h', '--loosen', '/amount=0..9', '--loosen', 'params/amount=any'], 'is given twice'],
        [['deny', '--set', '/amount=200'], "unknown option '--set'"],
        [['edit', '--grant', '1 use; 1h'], "unknown option '--grant'"],
      ];
      it(`refuse ${wrong.length} edits and grants that cannot be, and say why`, async () => {
        const { decisionId } = await ask();
        for (const [[command = '', ...args], message] of wrong)
          expect(await fail(command, decisionId, ...args), args.join(' ')).to.include(message);
        const wire = await ask({}, 'wire');
        expect(await fail('approve', wire.decisionId, '--set', '/amount=1')).to.include('do not let its params be edited');
        expect(await fail('show', 'dec_none', '--set', '/amount=1')).to.include('there is no approval with this id');
        expect(await json('list'))
          .to.have.property('approvals')
          .with.length(2);
      });
    });
});
