import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { terminalApprover } from '../../../lib/decision/terminal/terminalApprover.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { isPending } from '../../../lib/model/PendingApproval.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';

/** An editor may approve what they have edited, but for large refunds; small ones may be granted. */
const POLICIES = `@id("all") permit (principal, action, resource);
@id("cap") @reason("never more than 500") forbid (principal, action, resource) when { context.input.amount > 500 };
@id("ask") @effect("approval_needed") @reason("a person decides") @editable("/amount, /note, /to") @grantable("50 uses; 8h") @editor_may_approve("true")
forbid (principal, action == Aegis::Action::"refund", resource);
@id("large") @effect("approval_needed") @reason("somebody else decides") @editable("/amount, /note, /to")
forbid (principal, action == Aegis::Action::"refund", resource) when { context.input.amount > 300 };
@id("two") @effect("approval_needed") @reason("two look at it") @quorum("2") @editable("/amount") @editor_may_approve("true")
forbid (principal, action == Aegis::Action::"ship", resource);
@id("pay") @effect("approval_needed") @reason("who edits it does not approve it") @editable("/amount") forbid (principal, action == Aegis::Action::"pay", resource);
@id("plain") @effect("approval_needed") @reason("as it is, or not at all") forbid (principal, action == Aegis::Action::"wire", resource);
`;

type Params = { amount: number; note: string; to: string };

/** What the method got, each time that it was entered. */
type Runs = readonly Params[];

describe('An approval at a terminal', () => {
  let time: SinonFakeTimers;
  beforeEach(() => (time = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })));
  afterEach(() => time.restore());

  describe('edited', () => {
    it('says what may be edited, shows the difference and the new digest, and runs as it was edited', async () => {
      await using at = setup();
      const { record, runs } = await at.asks({ amount: 250 });
      expect(at.screen()).to.contain('To edit   type set /place=value or remove /place, of /amount, /note, /to\n');
      const edited = await at.command('set /amount=200');
      expect(edited).to.contain('  amount = 200   (edited by rita; was 250)\n').and.contain('Edit:\n  /amount: 250 → 200\n');
      const code = codeIn(edited);
      expect(code).to.not.equal(record.digest.slice(0, 4));
      await at.type(`${code}\n`);
      expect(at.screen()).to.match(/Approved\.\n$/);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 200, note: 'late', to: 'ann' }]);
      expect((await at.state(record))?.amendments?.map(({ by }) => by)).to.deep.equal(['rita']);
    });

    it('in several steps: each adds to those before, and the last word on a place counts', async () => {
      await using at = setup();
      const { runs } = await at.asks();
      for (const line of ['set /amount=1', 'set /note=a = b', 'SET /amount=2', 'remove /to', 'set /to=eve', 'set /to=dan'])
        await at.command(line);
      const shown = await at.command('set /amount=3');
      expect(shown).to.contain('  /amount: 250 → 3\n  /note: "late" → "a = b"\n  /to: "ann" → "dan"\n');
      await at.type(`${codeIn(shown)}\n`);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 3, note: 'a = b', to: 'dan' }]);
    });

    const refused: readonly (readonly [line: string, says: string])[] = [
      ['set', 'set must be a place and its new value, such as /amount=200'],
      ['set /amount', 'set must be a place and its new value, such as /amount=200'],
      ['set amount=2', 'set must name a place by a JSON pointer, such as /amount'],
      ['set =2', 'set must name a place by a JSON pointer, such as /amount'],
      ['set /amount=two', 'set: /amount must be a number, such as 200 or 12.5'],
      ['set /amount="2"', 'set: /amount must be a number, such as 200 or 12.5'],
      ['set /amout=2', "set: the policies do not let /amout be edited; did you mean '/amount'?"],
      ['set /other\u202e=2', 'set: the policies do not let /other\\u{202e} be edited; they let /amount, /note, /to'],
      ['set /amount=250', 'The edit changes nothing of what would run.'],
      ['set /amount=501', 'Nothing was changed. The policies deny the edited call: never more than 500'],
      ['remove', 'remove must name a place by a JSON pointer, such as /amount'],
      ['remove /note', 'The param at /note must be there: its guard does not let it be left out.'],
      ['remove /note/x', 'There is nothing at /note/x in this call. Name a place that it has.'],
      ['set /__proto__=1', "set must name a place by a JSON pointer, such as /amount"],
      ['loosen /amount=0..9', 'Say first how many calls and for how long, such as: grant 10 uses; 8h'],
      ['grant', 'Say first how many calls and for how long, such as: grant 10 uses; 8h'],
      ['grant ten', 'grant must be the most uses and the longest time of a grant, as in "50 uses; 8h": 1 to 1000 uses, up to 30d'],
      ['grant 51 uses; 8h', 'grant: `uses` must be a whole number from 1 to 50, which is the most that @grantable allows.'],
      ['grant 50 uses; 9h', 'grant: `forMs` must be whole milliseconds up to 28,800,000, which is the longest that @grantable allows.'],
      ['grant 1 use; 1h; every user', 'grant: `anyRequester` is for calls whose session has a `user_id` that is a text; leave it out.'],
    ]; // prettier-ignore
    it(`wrongly says why, changes nothing and asks again: ${refused.length} lines`, async () => {
      await using at = setup();
      const { record, runs } = await at.asks();
      for (const [line, says] of refused) {
        const shown = await at.command(line);
        expect(shown.replaceAll(/\n  ↪ /g, ''), line).to.equal(
          `${says}\nType ${record.digest.slice(0, 4)} to approve, anything else to refuse [No]: `,
        );
      }
      const { version, status } = (await at.state(record)) as ApprovalRecord;
      expect({ version, status }).to.deep.equal({ version: record.version, status: 'pending' });
      await at.type(`${record.digest.slice(0, 4)}\n`);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 250, note: 'late', to: 'ann' }]);
    });

    it('keeps the edit that stood where the next one is wrong', async () => {
      await using at = setup();
      const { runs } = await at.asks();
      const code = codeIn(await at.command('set /amount=20'));
      expect(await at.command('set /amount=999')).to.contain(`Type ${code} to approve`);
      await at.type(`${code}\n`);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 20, note: 'late', to: 'ann' }]);
    });

    for (const answer of ['', 'yes', 'the old code'])
      it(`is refused for ${answer === '' ? 'Enter' : answer}: the default is No`, async () => {
        await using at = setup();
        const { record, runs } = await at.asks();
        await at.command('set /amount=20');
        await at.type(`${answer === 'the old code' ? record.digest.slice(0, 4) : answer}\n`);
        const after = await at.state(record);
        expect([after?.status, after?.digest, after?.amendments, runs]).to.deep.equal(['denied', record.digest, undefined, []]);
        expect(at.screen()).to.match(/Refused\.\n$/);
      });

    it('takes nothing for an answer that was typed before the edited call was shown', async () => {
      await using at = setup();
      const { record, runs } = await at.asks();
      const known = codeIn(await at.command('set /amount=20'));
      await at.command('undo');
      await at.type(`set /amount=20\n${known}\n`);
      await at.type(`${known}\n`);
      await at.passes(99);
      await at.type(`${known}\n`);
      await at.passes(1);
      expect((await at.state(record))?.status).to.equal('pending');
      await at.type(`${known}\n`);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 20, note: 'late', to: 'ann' }]);
    });

    it('and undone is the call as its agent made it', async () => {
      await using at = setup();
      const { record, runs } = await at.asks();
      await at.command('set /amount=20');
      expect(await at.command('undo'))
        .to.contain(`Type ${record.digest.slice(0, 4)} to approve, `)
        .and.contain('  amount = 250\n');
      await at.type(`${record.digest.slice(0, 4)}\n`);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 250, note: 'late', to: 'ann' }]);
    });

    it('to what its editor may not approve is saved for somebody else, who is asked for that', async () => {
      await using at = setup();
      const { record, runs } = await at.asks({}, 'pay');
      const shown = await at.command('set /amount=400');
      expect(shown).to.contain('You only save the edit: ');
      const code = codeIn(shown);
      expect(shown).to.contain(`Type ${code} to save the edit, anything else to refuse [No]: `);
      await at.type(`${code}\n`);
      expect(at.screen()).to.match(/The edit is saved\. The call waits for somebody else to approve it\.\n$/);
      const after = (await at.state(record)) as ApprovalRecord;
      expect([after.status, after.params['amount'], runs]).to.deep.equal(['pending', 400, []]);
      await at.aegis.approvals.approve(record.decisionId, { by: 'bob', digest: after.digest });
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 400, note: 'late', to: 'ann' }]);
    });

    it('that more policies ask about says so, and is approved for those that its editor may decide', async () => {
      await using at = setup();
      const { record, runs } = await at.asks();
      const shown = await at.command('set /amount=400');
      expect(shown).to.contain('Asks too  large\n').and.not.contain('You only save');
      await at.type(`${codeIn(shown)}\n`);
      expect(at.screen()).to.match(/Your yes is recorded\. The call waits for other people\.\n$/);
      const after = (await at.state(record)) as ApprovalRecord;
      expect([after.status, after.verdicts.flatMap(({ policies }) => policies), runs]).to.deep.equal(['pending', ['ask'], []]);
    });

    it('shows nothing of what is typed or there as it would look', async () => {
      await using at = setup();
      await at.asks({ note: 'a\u001b[31mb\u202ec' });
      const shown = await at.command('set /note=x\u001b[2J\u202ey');
      expect(shown).to.contain('  /note: "a\\u001b[31mb\\u{202e}c" → "x\\u001b[2J\\u{202e}y"\n');
      expect(at.screen()).to.not.match(/[\u001b\u202e]/);
    });

    it('is not offered where no policy lets it be, and says so to who tries', async () => {
      await using at = setup();
      const { record } = await at.asks({}, 'wire');
      expect(at.screen()).to.not.contain('To edit').and.not.contain('To grant');
      expect(await at.command('set /amount=2')).to.contain('each needs an @editable.');
      expect(await at.command('grant 1 use; 1h')).to.contain('has no @grantable');
      expect((await at.state(record))?.status).to.equal('pending');
    });
  });

  describe('edited by somebody else', () => {
    it('while it is asked about is shown again, and what is typed for it before counts for nothing', async () => {
      await using at = setup();
      const { record, runs } = await at.asks();
      await at.command('set /note=mine');
      await at.aegis.approvals.amend(record.decisionId, { by: 'bob', digest: record.digest, set: { '/amount': 9 } });
      expect(at.screen()).to.contain('Somebody else has edited this call; no answer is needed. It is shown again.');
      await at.type(`${record.digest.slice(0, 4)}\n`);
      await at.passes(100);
      expect(at.last()).to.contain('  amount = 9   (edited by bob; was 250)\n').and.contain('note = "late"');
      await at.type(`${codeIn(at.last())}\n`);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 9, note: 'late', to: 'ann' }]);
    });

    it('while a command was carried out, too; what was typed is dropped', async () => {
      await using at = setup();
      const { record, runs } = await at.asks();
      await at.type('set /note=mine\n');
      await at.aegis.approvals.amend(record.decisionId, { by: 'bob', digest: record.digest, set: { '/amount': 9 } });
      await at.passes(100);
      expect(at.last()).to.contain('Somebody else has edited this call, so nothing of what you typed is kept.').and.contain('amount = 9');
      await at.type(`${codeIn(at.last())}\n`);
      await at.passes(1_000);
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 9, note: 'late', to: 'ann' }]);
      // the question that its edit had queued is not put
      expect(at.screen().split('── Approval needed ──')).to.have.lengthOf(3);
    });

    it('while a command was carried out is not asked about again after a yes here that is not the last one', async () => {
      await using at = setup();
      const { record, runs } = await at.asks({}, 'ship');
      await at.type('set /amount=7\n');
      await at.aegis.approvals.amend(record.decisionId, { by: 'bob', digest: record.digest, set: { '/amount': 9 } });
      await at.passes(100);
      expect(at.last()).to.contain('amount = 9');
      await at.type(`${codeIn(at.last())}\n`);
      await at.passes(1_000);
      expect(at.screen()).to.match(/Your yes is recorded\. The call waits for other people\.\n$/);
      expect(at.screen().split('── Approval needed ──')).to.have.lengthOf(3);
      const { digest } = (await at.state(record)) as ApprovalRecord;
      await at.aegis.approvals.approve(record.decisionId, { by: 'carl', digest });
      await at.ran(runs, 1);
      expect(runs).to.deep.equal([{ amount: 9, note: 'late', to: 'ann' }]);
    });

    it('after a yes here is asked about once more: that yes was to other params', async () => {
      await using at = setup();
      const { record, runs } = await at.asks({}, 'ship');
      await at.type(`${record.digest.slice(0, 4)}\n`);
      expect(at.screen()).to.match(/Your yes is recorded\. The call waits for other people\.\n$/);
      await at.aegis.approvals.amend(record.decisionId, { by: 'bob', digest: record.digest, set: { '/amount': 9 } });
      await at.passes(100);
      const code = codeIn(at.last());
      await at.type(`${code}\n`);
      const { digest, verdicts } = (await at.state(record)) as ApprovalRecord;
      expect([code, verdicts.map(({ by }) => by)]).to.deep.equal([digest.slice(0, 4), ['rita']]);
      await at.aegis.approvals.approve(record.decisionId, { by: 'dan', digest });
      await at.passes(1_000);
      await at.ran(runs, 1);
      expect([runs, at.screen().split('── Approval needed ──').length]).to.deep.equal([[{ amount: 9, note: 'late', to: 'ann' }], 3]);
    });

    it('while it waits in line is asked about once, as it is then', async () => {
      await using at = setup();
      const first = await at.asks();
      const second = await at.asks({ amount: 7 });
      await at.aegis.approvals.amend(second.record.decisionId, { by: 'bob', digest: second.record.digest, set: { '/amount': 9 } });
      await at.type(`${first.record.digest.slice(0, 4)}\n`);
      await at.passes(100);
      await at.type(`${codeIn(at.last())}\n`);
      await at.ran(second.runs, 1);
      await at.passes(1_000);
      expect(second.runs).to.deep.equal([{ amount: 9, note: 'late', to: 'ann' }]);
      expect(at.screen().split('── Approval needed ──')).to.have.lengthOf(3);
    });
  });

  it('settled elsewhere while a command was carried out says so, and asks nothing', async () => {
    await using at = setup();
    const { record } = await at.asks();
    await at.type('set /note=mine\n');
    await at.aegis.approvals.deny(record.decisionId, { by: 'bob' });
    await at.passes(100);
    expect(at.screen()).to.match(/This approval is already denied; no answer is needed\.\n$/);
  });

  describe('granted', () => {
    it('says what the grant is and lifts, and lets later calls like it run without asking', async () => {
      await using at = setup();
      expect((await at.asks({ amount: 30 }, 'refund', 'deny')).runs).to.deep.equal([]);
      // what was refused lately takes a person each time
      await at.passes(3_600_001);
      const { record, runs } = await at.asks();
      expect(at.last()).to.contain('To grant  type grant 1 use; 1h for later calls like this one too: up to 50 uses, 8 hours\n');
      await at.command('loosen /amount=0..300');
      const shown = await at.command('grant 2 uses; 8h');
      expect(shown).to.contain(
        'Grant     2 later calls like this one, for 8 hours: without asking\n  all of it must be the same\nLifts     ask: nothing else\n',
      );
      const loosened = await at.command('loosen /amount=0..300');
      expect(loosened).to.contain('  all else must be the same, but for:\n  params/amount {">=":0,"<=":300}\n');
      expect(loosened.replaceAll(/\n  ↪ /g, '')).to.match(/of 1 more it cannot be told: .*\n  people refused 1 of those: rita \(/);
      expect(codeIn(loosened)).to.equal(record.digest.slice(0, 4));
      await at.type(`${codeIn(loosened)}\n`);
      expect(at.screen()).to.match(/Approved, and the grant is made\.\n$/);
      await at.ran(runs, 1);
      const [grant] = await at.aegis.grants.list();
      expect(grant).to.deep.include({
        by: 'rita',
        maxUses: 2,
        loosened: { params: { '/amount': { '>=': 0, '<=': 300 } }, session: {}, facts: {} },
      });
      expect(await at.runsAtOnce({ amount: 299 })).to.equal(true);
      expect(await at.runsAtOnce({ amount: 299, to: 'eve' })).to.equal(false);
    });

    it('and undone is approved alone', async () => {
      await using at = setup();
      const { record } = await at.asks();
      await at.command('grant 2 uses; 8h');
      await at.command('undo');
      await at.type(`${record.digest.slice(0, 4)}\n`);
      expect([(await at.state(record))?.status, await at.aegis.grants.list()]).to.deep.equal(['approved', []]);
    });

    it('is made for nothing but the code: the default is No', async () => {
      await using at = setup();
      const { record } = await at.asks();
      await at.command('grant 2 uses; 8h');
      await at.type('\n');
      expect([(await at.state(record))?.status, await at.aegis.grants.list()]).to.deep.equal(['denied', []]);
    });

    it('loosens a value as it was said last, and keeps the grant that stood where the next one is wrong', async () => {
      await using at = setup();
      await at.asks();
      await at.command('grant 2 uses; 8h');
      await at.command('loosen /amount=0..300');
      expect(await at.command('loosen /to=any')).to.contain('params/to "any"\n');
      const last = await at.command('loosen /amount=200..260');
      expect(last).to.contain('params/amount {">=":200,"<=":260}').and.not.contain('300');
      expect((await at.command('loosen /amount=0..9')).replaceAll(/\n  ↪ /g, '')).to.contain(
        'does not cover the value in the approved call',
      );
      expect(await at.command('loosen /amount=no')).to.contain('must say how the value may differ');
      expect(await at.command('loosen /amount=a..b')).to.contain('a range is two numbers');
      await at.type(`${codeIn(last)}\n`);
      const [grant] = await at.aegis.grants.list();
      expect(grant?.loosened.params).to.deep.equal({ '/amount': { '>=': 200, '<=': 260 }, '/to': 'any' });
    });

    it('is for the call as it is: an edit and a grant exclude each other', async () => {
      await using at = setup();
      await at.asks();
      await at.command('grant 2 uses; 8h');
      expect(await at.command('set /amount=2'))
        .to.contain('counts for that call alone')
        .and.contain('to approve, ');
      await at.command('undo');
      await at.command('set /amount=2');
      expect(await at.command('grant 2 uses; 8h')).to.contain('counts for that call alone');
    });

    it('for every user where the call has one', async () => {
      await using at = setup();
      await at.asks({}, 'refund', undefined, { user_id: 'ann' });
      const shown = await at.command('grant 2 uses; 8h; every user');
      expect(shown).to.contain('  for the calls of every user\n');
      await at.type(`${codeIn(shown)}\n`);
      expect((await at.aegis.grants.list()).map(({ anyRequester }) => anyRequester)).to.deep.equal([true]);
    });
  });

  interface Setup extends AsyncDisposable {
    readonly aegis: AegisModule;
    /** Has the agent call the tool, and waits until the terminal asks, where it asks nothing else. */
    asks(
      params?: Partial<Params>,
      toolName?: string,
      answer?: 'deny',
      session?: Record<string, string>,
    ): Promise<{ readonly record: ApprovalRecord; readonly runs: Runs }>;
    /** Whether a refund runs without anybody. */
    runsAtOnce(params: Partial<Params>): Promise<boolean>;
    type(text: string): Promise<void>;
    /** Types a line, and waits for the next question. @returns what was shown since */
    command(line: string): Promise<string>;
    passes(ms: number): Promise<void>;
    ran(runs: Runs, times: number): Promise<void>;
    screen(): string;
    /** What was shown since the last line was typed. */
    last(): string;
    state(record: ApprovalRecord): Promise<ApprovalRecord | undefined>;
  }

  function setup(): Setup {
    const terminal = { input: new PassThrough(), output: Object.assign(new PassThrough(), { columns: 200 }) };
    let text = '';
    let seen = 0;
    terminal.output.on('data', (chunk: Buffer) => (text += String(chunk)));
    const aegis = AegisModule.create({
      policies: { text: POLICIES },
      agentId: 'bot',
      approver: terminalApprover({ by: 'rita', terminal }),
    });
    let guards = 0;
    const call = (params: Partial<Params>, toolName: string, runs: Params[], session: Record<string, string> | undefined) => {
      const run = guard(async (amount: number, note: string, to: string) => void runs.push({ amount, note, to }), {
        toolName,
        params: ['amount', 'note', 'to'],
        approval: 'defer',
        key: toolName === 'refund' ? 'refund' : `guard-${++guards}`,
        module: aegis,
        ...(session && { session: () => session }),
      });
      const { amount = 250, note = 'late', to = 'ann' } = params;
      return run(amount, note, to);
    };
    const type = async (typed: string): Promise<void> => {
      seen = text.length;
      terminal.input.write(typed);
      await flush();
    };
    const passes = async (ms: number): Promise<void> => {
      await time.tickAsync(ms);
      await flush();
    };
    return {
      aegis,
      type,
      passes,
      async asks(params = {}, toolName = 'refund', answer, session) {
        const runs: Params[] = [];
        seen = text.length;
        const pending = await call(params, toolName, runs, session);
        if (!isPending(pending)) throw new Error('nothing was asked');
        pending.completed.catch(() => {});
        await passes(100);
        const record = (await aegis.approvals.get(pending.decisionId)) as ApprovalRecord;
        if (answer === 'deny') await type('\n');
        return { record, runs };
      },
      async runsAtOnce(params) {
        const pending = await call(params, 'refund', [], undefined);
        if (isPending(pending)) pending.completed.catch(() => {});
        return !isPending(pending);
      },
      async command(line) {
        await type(`${line}\n`);
        // what is loaded when it is first needed takes no time on the fake clock
        while (!text.slice(seen).endsWith(' [No]: ')) await passes(100);
        return text.slice(seen);
      },
      async ran(runs, times) {
        while (runs.length < times) await passes(20);
      },
      screen: () => text,
      last: () => text.slice(seen),
      state: async ({ decisionId }) => aegis.approvals.get(decisionId),
      async [Symbol.asyncDispose]() {
        time.restore();
        await aegis.close({ graceMs: 0 });
      },
    };
  }
});

function codeIn(shown: string): string {
  return /Type (\w{4}) to (?:approve|save the edit)/.exec(shown)?.[1] ?? 'none was asked for';
}

/** Lets streams and promises go as far as they can. */
async function flush(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
