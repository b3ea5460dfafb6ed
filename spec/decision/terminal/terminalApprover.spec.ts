import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import sinon, { useFakeTimers } from 'sinon';
import type { SinonFakeTimers } from 'sinon';
import { ApprovalDesk } from '../../../lib/decision/desk/ApprovalDesk.js';
import type { ApprovalDeskOptions } from '../../../lib/decision/desk/ApprovalDeskOptions.js';
import type { ApprovalRequest } from '../../../lib/decision/desk/ApprovalRequest.js';
import { terminalApprover } from '../../../lib/decision/terminal/terminalApprover.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { BINDING_BASE, openingOf, policyOf } from '../../support/approvalRecords.js';
import { runInChild } from '../../support/runInChild.js';

describe('terminalApprover', () => {
  let time: SinonFakeTimers;
  // what asks and decides is loaded when it is first needed, and under the fake clock no one would wait for it
  before(async () => {
    const { desk, detach, open, terminal } = setup();
    while (terminal.input.listenerCount('data') === 0) await flush();
    detach();
    const { decisionId, digest } = await open();
    await desk.deny(decisionId, { by: 'eve', digest });
  });
  beforeEach(() => (time = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })));
  afterEach(() => time.restore());

  it('shows the request, and approves for the first four characters of its digest', async () => {
    const { open, asked, type, screen, state } = setup();
    const { decisionId, digest } = await open();
    await asked();
    expect(screen()).to.contain('Tool      refund').and.contain('Params that would run:').and.contain(digest);
    await type(`${digest.slice(0, 4)}\n`);
    expect(await state(decisionId)).to.include({ status: 'approved' });
    expect((await state(decisionId))?.verdicts[0]).to.include({ by: 'bob', approve: true });
    expect(screen()).to.match(/Approved\.\n$/);
  });

  it('says that the call waits for others where one yes is not enough', async () => {
    const { open, asked, type, screen, state } = setup();
    const { decisionId, digest } = await open({ policies: [policyOf('two', { quorum: 2 })] });
    await asked();
    await type(`${digest.slice(0, 4)}\n`);
    expect(await state(decisionId)).to.include({ status: 'pending' });
    expect(screen()).to.match(/Your yes is recorded\. The call waits for other people\.\n$/);
  });

  it('asks how many values are hidden too, and approves for nothing less', async () => {
    const hidden = {
      originalParams: { amount: 1 },
      sensitive: { '/amount': { approver: 'hidden', log: 'hidden', model: 'hidden', audit: 'hidden' } },
    } as const;
    for (const [more, status] of [
      [' 1', 'approved'],
      ['', 'denied'],
      [' 2', 'denied'],
    ] as const) {
      const { open, asked, type, screen, state } = setup();
      const { decisionId, digest } = await open(hidden);
      await asked();
      const code = digest.slice(0, 4);
      expect(screen()).to.contain(`Type ${code} 1 to approve, with how many values are hidden from you, anything else to refuse [No]: `);
      await type(`${code}${more}\n`);
      expect(await state(decisionId)).to.include({ status });
    }
  });

  it('takes them typed key by key, with spaces around, and ended by a carriage return', async () => {
    const { open, asked, type, state } = setup();
    const { decisionId, digest } = await open();
    await asked();
    for (const key of ` ${digest.slice(0, 4)} \r`) await type(key);
    expect(await state(decisionId)).to.include({ status: 'approved' });
  });

  const refusals: Record<string, (digest: string) => string> = {
    Enter: () => '\n',
    yes: () => 'yes\n',
    y: () => 'y\n',
    'three of the four': (d) => `${d.slice(0, 3)}\n`,
    'five characters': (d) => `${d.slice(0, 5)}\n`,
    'the whole digest': (d) => `${d}\n`,
    'the last four': (d) => `${d.slice(-4)}\n`,
    'the four on the second line': (d) => `\n${d.slice(0, 4)}\n`,
    'the four with a space between': (d) => `${d.slice(0, 2)} ${d.slice(2, 4)}\n`,
  };
  for (const [what, typed] of Object.entries(refusals)) {
    it(`refuses for ${what}`, async () => {
      const { open, asked, type, screen, state } = setup();
      const { decisionId, digest } = await open();
      await asked();
      await type(typed(digest));
      const record = await state(decisionId);
      expect(record).to.include({ status: 'denied' });
      expect(record?.verdicts[0]).to.include({ by: 'bob', reason: 'refused at the terminal' });
      expect(screen()).to.match(/Refused\.\n$/);
    });
  }

  it('takes nothing for an answer that was typed before the question was there', async () => {
    const { open, asked, type, terminal, state } = setup();
    await type('abcd\n\n');
    const { decisionId, digest } = await open();
    const code = digest.slice(0, 4);
    await type(`${code}\n${code}\n`);
    await time.tickAsync(99);
    await type(`${code}\n${code}`);
    await asked();
    expect((await state(decisionId))?.status).to.equal('pending');
    await type('\n');
    expect((await state(decisionId))?.status).to.equal('denied');
    expect(terminal.input.readableLength).to.equal(0);
  });

  it('asks about several one after another, oldest first, and what is typed ahead of the next answers nothing', async () => {
    const { open, asked, type, screen, state } = setup();
    const first = await open();
    const second = await open({ params: { amount: 2 } });
    await asked();
    expect(screen()).to.contain(first.digest).and.not.contain(second.digest);
    // both answers at once: the second one came before its question
    await type(`${first.digest.slice(0, 4)}\n${second.digest.slice(0, 4)}\n`);
    await type(`${second.digest.slice(0, 4)}\n`);
    expect((await state(first.decisionId))?.status).to.equal('approved');
    await asked();
    expect(screen()).to.contain(second.digest);
    expect((await state(second.decisionId))?.status).to.equal('pending');
    await type(`${second.digest.slice(0, 4)}\n`);
    expect((await state(second.decisionId))?.status).to.equal('approved');
  });

  it('gives up a question that is decided elsewhere, and goes on to the next', async () => {
    const { desk, open, asked, type, screen, state } = setup();
    const first = await open();
    const second = await open({ params: { amount: 2 } });
    await asked();
    await desk.deny(first.decisionId, { by: 'eve' });
    await asked();
    expect(screen()).to.contain('This approval is already denied; no answer is needed.').and.contain(second.digest);
    expect(screen()).to.not.contain('could not be recorded');
    await type(`${second.digest.slice(0, 4)}\n`);
    expect((await state(first.decisionId))?.verdicts.map((v) => v.by)).to.deep.equal(['eve']);
    expect((await state(second.decisionId))?.status).to.equal('approved');
  });

  it('leaves the question on the screen alone when another approval is decided elsewhere', async () => {
    const { desk, open, asked, type, screen, state } = setup();
    const first = await open();
    const second = await open({ params: { amount: 2 } });
    await asked();
    await desk.deny(second.decisionId, { by: 'eve' });
    expect(screen()).to.not.contain('no answer is needed');
    await type(`${first.digest.slice(0, 4)}\n`);
    expect((await state(first.decisionId))?.status).to.equal('approved');
  });

  it('asks about one that comes when all others are done', async () => {
    const { open, asked, type, screen, state } = setup();
    for (const amount of [1, 2, 3]) {
      const { decisionId, digest } = await open({ params: { amount } });
      await asked();
      expect(screen()).to.contain(digest);
      await type(`${digest.slice(0, 4)}\n`);
      expect((await state(decisionId))?.status).to.equal('approved');
    }
  });

  it('never shows what was decided while it waited in line, or while typing was read away', async () => {
    const { desk, open, asked, screen } = setup();
    const [first, second, third] = [await open(), await open({ params: { amount: 2 } }), await open({ params: { amount: 3 } })];
    await desk.deny(second.decisionId, { by: 'eve' });
    await desk.deny(first.decisionId, { by: 'eve' });
    await asked();
    await asked();
    expect(screen()).to.contain(third.digest).and.not.contain(first.digest).and.not.contain(second.digest);
  });

  it('says so when the verdict cannot stand, and goes on', async () => {
    const { open, asked, type, screen, state } = setup({ by: 'ann' });
    const { decisionId, digest } = await open();
    const second = await open({ requester: 'dan', params: { amount: 2 } });
    await asked();
    await type(`${digest.slice(0, 4)}\n`);
    expect(screen()).to.contain('You cannot approve your own request.');
    expect((await state(decisionId))?.status).to.equal('pending');
    await asked();
    await type(`${second.digest.slice(0, 4)}\n`);
    expect((await state(second.decisionId))?.status).to.equal('approved');
  });

  it('says so where the desk decides no edits and makes no grants, and asks again', async () => {
    const { open, asked, type, screen, state } = setup();
    const policy = policyOf('limit', { editable: ['/amount'], editorMayApprove: true, grantable: { uses: 2, forMs: 1_000 } });
    const { decisionId, digest } = await open({ policies: [policy], amendable: { bindingBase: BINDING_BASE, groups: [], removable: [] } });
    await asked();
    expect(screen()).to.contain('To edit').and.not.contain('To grant');
    for (const [line, says] of [
      ['set /amount=2', 'This process has no policies that could decide the edited call.'],
      ['grant 1 use; 1s', 'No grants can be kept here'],
    ] as const) {
      await type(`${line}\n`);
      await asked();
      expect(screen()).to.contain(says);
      expect(screen().split('Type ').at(-1)).to.equal(`${digest.slice(0, 4)} to approve, anything else to refuse [No]: `);
    }
    await type(`${digest.slice(0, 4)}\n`);
    expect(await state(decisionId)).to.include({ status: 'approved' });
  });

  it('gives the question up where what was typed cannot be looked at, and goes on', async () => {
    const { desk, open, asked, type, screen, state } = setup();
    const { decisionId } = await open();
    const second = await open({ params: { amount: 2 } });
    await asked();
    desk.previewEdit = async () => Promise.reject(new Error('SECRET of a store'));
    await type('set /amount=2\n');
    expect(screen()).to.contain('The verdict could not be recorded. The approval may still be pending.\n').and.not.contain('SECRET');
    await asked();
    await type(`${second.digest.slice(0, 4)}\n`);
    expect([(await state(decisionId))?.status, (await state(second.decisionId))?.status]).to.deep.equal(['pending', 'approved']);
  });

  it('says so when the verdict cannot be recorded, without the words of its store, and goes on', async () => {
    const { open, asked, type, screen, state, store } = setup();
    const { decisionId, digest } = await open();
    const second = await open({ params: { amount: 2 } });
    await asked();
    const replace = store.replace.bind(store);
    store.replace = () => {
      throw new Error('CANARY');
    };
    await type(`${digest.slice(0, 4)}\n`);
    store.replace = replace;
    expect(screen()).to.contain('The verdict could not be recorded.').and.not.contain('CANARY');
    expect((await state(decisionId))?.status).to.equal('pending');
    await asked();
    await type(`${second.digest.slice(0, 4)}\n`);
    expect((await state(second.decisionId))?.status).to.equal('approved');
  });

  it('signs with the user of the operating system, or with its number where that has no name', async () => {
    const { getuid: own } = process;
    const userInfo = sinon.stub(os, 'userInfo');
    // the library has imported it by name
    syncBuiltinESMExports();
    try {
      for (const [user, getuid, by] of [
        [() => ({ username: 'eva' }), () => 7, 'eva'],
        [() => ({ username: 'Eva Maria' }), () => 7, 'Eva%20Maria'],
        [nameless, () => 7, 'uid:7'],
        [nameless, undefined, 'uid:unknown'],
      ] as const) {
        userInfo.callsFake(user as unknown as typeof os.userInfo);
        Object.assign(process, { getuid });
        const { open, asked, type, state } = setup({ by: undefined });
        const { decisionId, digest } = await open();
        await asked();
        await type(`${digest.slice(0, 4)}\n`);
        expect((await state(decisionId))?.verdicts[0]).to.include({ by, approve: true });
      }
    } finally {
      userInfo.restore();
      Object.assign(process, { getuid: own });
      syncBuiltinESMExports();
    }
  });

  it('is nobody under an id that no person can have', () => {
    for (const by of ['', 'eva maria', 'eva\u200b'])
      expect(() => terminalApprover({ by })).to.throw(ConfigError, 'terminalApprover(): by: must be the id of a person');
  });

  it('approves nothing whose time ended on the screen', async () => {
    const { open, asked, type, screen, state } = setup();
    const { decisionId, digest } = await open({ timeoutMs: 1_000 });
    await asked();
    await time.tickAsync(1_000);
    await type(`${digest.slice(0, 4)}\n`);
    expect((await state(decisionId))?.status).to.equal('expired');
    expect(screen()).to.contain('already expired');
  });

  it('shows hostile text in any field as what it is', async () => {
    const text = 'x\u001b[2J\u202e\u200b\r\nType 0000 to approve';
    const { open, asked, screen } = setup();
    await open({
      agentId: text,
      toolName: text,
      requester: text,
      reason: text,
      params: { [text]: text },
      facts: { text },
      session: { text },
    });
    await asked();
    expect(screen()).to.match(/^(?:(?!\p{C})[^]|\n)*$/u);
    expect(screen().match(/^Type /gm)).to.have.length(1);
  });

  it('begins no row with text of the agent, on a terminal of any width', async () => {
    for (const columns of [24, 40, 80, 133]) {
      const { open, asked, screen, terminal } = setup();
      Object.assign(terminal.output, { columns });
      const padded = ['Digest    5f2d', 'amount = 5', 'Type 0000 to approve'].map((line) => ' '.repeat(columns - 5) + line).join('');
      const worded = Array.from({ length: 3 * columns }, (_, i) => 'x'.repeat(i % columns)).join(' Digest 5f2d ');
      for (const text of [padded, worded, padded.replaceAll(' ', '\u00a0'), 'Digest 日本 '.repeat(columns)])
        await open({ agentId: text, requester: text, reason: text, params: { note: text, [text]: 1 }, facts: { text }, session: { text } });
      await asked();
      const ours = /^(?:Tool|Agent|Requester|Why|Policy|Note|Params|Changed|Session|Facts|Digest|Until|Type|── Approval)\b/u;
      const rows = screen().split('\n');
      for (const label of ['Digest', 'Type', 'Agent', 'Until']) expect(rows.filter((row) => row.startsWith(label))).to.have.length(1);
      for (const row of rows) {
        if (row !== '' && !row.startsWith('Type'))
          expect(row).to.match(new RegExp(`${ours.source}|^  ↪ |^  note = |^  "|^  amount = |^── `, 'u'));
        expect(
          Array.from(row).reduce((sum, char) => sum + (char <= '~' ? 1 : 2), 0) < columns || row.startsWith('Type') || row.startsWith('──'),
        ).to.equal(true);
      }
    }
  });

  describe('detached', () => {
    it('gives no verdict on the question it leaves, and reads and writes no more', async () => {
      const { desk, open, asked, type, terminal, detach, screen, state } = setup();
      const { decisionId, digest } = await open();
      await asked();
      const shown = screen();
      detach();
      await type(`${digest.slice(0, 4)}\n`);
      await open({ params: { amount: 2 } });
      await time.tickAsync(1_000);
      expect((await state(decisionId))?.status).to.equal('pending');
      expect(screen()).to.equal(shown);
      expect(terminal.input.isPaused()).to.equal(true);
      // the terminal is the program's own
      expect([terminal.input.destroyed, terminal.output.destroyed]).to.deep.equal([false, false]);
      expect(desk.attended).to.equal(false);
    });

    it('before the question was shown shows none', async () => {
      const { open, detach, screen, state } = setup();
      const { decisionId } = await open();
      detach();
      await time.tickAsync(1_000);
      expect([screen(), (await state(decisionId))?.status]).to.deep.equal(['', 'pending']);
    });

    it('leaves no listener behind, 50 times over', async () => {
      const { desk, terminal, detach } = setup();
      detach();
      detach();
      const count = (): number[] => [
        ...['data', 'end', 'close', 'error'].map((e) => terminal.input.listenerCount(e)),
        terminal.output.listenerCount('error'),
        desk.listenerCount('requested'),
        desk.listenerCount('settled'),
        desk.listenerCount('changed'),
      ];
      const before = count();
      for (let i = 0; i < 50; i++) terminalApprover({ by: 'bob', terminal }).attach(desk)();
      expect(count()).to.deep.equal(before);
    });
  });

  describe('attends', () => {
    it('while it has a terminal', () => {
      const { desk, detach } = setup();
      expect(desk.attended).to.equal(true);
      detach();
      expect(desk.attended).to.equal(false);
    });

    for (const how of ['end', 'input error', 'output error', 'close'] as const) {
      it(`until the terminal is gone (${how}), which is no verdict and ends no program`, async () => {
        const { desk, open, asked, terminal, detach, state } = setup();
        const { decisionId } = await open();
        await asked();
        if (how === 'end') terminal.input.end();
        else if (how === 'close') terminal.input.destroy();
        else (how === 'input error' ? terminal.input : terminal.output).destroy(new Error('EIO'));
        await flush();
        expect(desk.attended).to.equal(false);
        expect((await state(decisionId))?.status).to.equal('pending');
        await open({ params: { amount: 2 } });
        await time.tickAsync(1_000);
        // its program stops it all the same: that takes no one else from the desk
        const leave = desk.attend();
        detach();
        expect(desk.attended).to.equal(true);
        leave();
        expect(desk.attended).to.equal(false);
      });
    }

    it('to nothing in a process without a terminal, whatever its standard input says', async () => {
      time.restore();
      const program = `
        import { ApprovalDesk } from './lib/decision/desk/ApprovalDesk.js';
        import { terminalApprover } from './lib/decision/terminal/terminalApprover.js';
        import { MemoryApprovalStore } from './lib/store/memory/MemoryApprovalStore.js';
        const desk = new ApprovalDesk(new MemoryApprovalStore());
        const detach = terminalApprover().attach(desk);
        console.log(desk.attended);
        detach();`;
      // a session of its own has no terminal device
      const setsid = `
        import { spawnSync } from 'node:child_process';
        const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', ${JSON.stringify(program)}], { detached: true, input: 'yes\\n' });
        console.log(String(stdout) + String(stderr));`;
      const { code, stdout } = await runInChild(setsid, { cwd: new URL('../../..', import.meta.url).pathname });
      expect([code, stdout.trim()]).to.deep.equal([0, 'false']);
    });
  });

  const early: Record<string, readonly [doing: string, seen: object]> = {
    'asks about what was requested before it was loaded': [
      "asked = (await desk.open(openingOf())).record; await new Promise((resolve) => terminal.output.once('data', resolve));",
      { attended: [true, true], asked: true },
    ],
    'asks nothing at a terminal that it left before it was loaded': [
      'await desk.open(openingOf()); detach(); detach(); await loaded();',
      { attended: [true, false], asked: false },
    ],
    'leaves a terminal that failed before it was loaded, and the program goes on': [
      "await desk.open(openingOf()); terminal.input.destroy(new Error('gone')); await loaded();",
      { attended: [true, false], asked: false },
    ],
    'leaves one whose screen failed before it was loaded too': [
      "await desk.open(openingOf()); terminal.output.destroy(new Error('gone')); await loaded();",
      { attended: [true, false], asked: false },
    ],
  };
  for (const [what, [doing, seen]] of Object.entries(early)) {
    it(what, async () => {
      const lib = new URL('../../../lib/', import.meta.url).href;
      const { stdout, stderr } = await runInChild(`
        import { PassThrough } from 'node:stream';
        import { ApprovalDesk } from '${lib}decision/desk/ApprovalDesk.js';
        import { terminalApprover } from '${lib}decision/terminal/terminalApprover.js';
        import { MemoryApprovalStore } from '${lib}store/memory/MemoryApprovalStore.js';
        import { openingOf } from '${new URL('../../support/approvalRecords.js', import.meta.url).href}';
        const desk = new ApprovalDesk(new MemoryApprovalStore());
        const terminal = { input: new PassThrough(), output: new PassThrough() };
        let text = '';
        terminal.output.on('data', (chunk) => (text += chunk));
        let asked;
        const detach = terminalApprover({ by: 'bob', terminal }).attach(desk);
        const attended = [desk.attended];
        // another terminal says when it is loaded, and that a question could be there
        const other = { input: new PassThrough(), output: new PassThrough() };
        const loaded = async () => {
          terminalApprover({ by: 'bob', terminal: other }).attach(new ApprovalDesk(new MemoryApprovalStore()));
          while (other.input.listenerCount('data') === 0) await new Promise((resolve) => setImmediate(resolve));
          await new Promise((resolve) => setTimeout(resolve, 300));
        };
        ${doing}
        attended.push(desk.attended);
        process.stdout.write(JSON.stringify({ attended, asked: text.includes(asked?.digest ?? 'Approval needed') }));
        process.exit();`);
      expect(stderr).to.equal('');
      expect(JSON.parse(stdout)).to.deep.equal(seen);
    });
  }

  interface Setup {
    desk: ApprovalDesk;
    open: (more?: Partial<ApprovalRequest>) => Promise<ApprovalRecord>;
    /** Waits until the next question is on the screen. */
    asked: () => Promise<void>;
    type: (text: string) => Promise<void>;
    screen: () => string;
    state: (decisionId: string) => Promise<ApprovalRecord | undefined>;
    terminal: { input: PassThrough; output: PassThrough };
    store: MemoryApprovalStore;
    detach: () => void;
  }

  function setup({ by, ...options }: ApprovalDeskOptions & { by?: string | undefined } = { by: 'bob' }): Setup {
    const store = new MemoryApprovalStore();
    const desk = new ApprovalDesk(store, options);
    const terminal = { input: new PassThrough(), output: new PassThrough() };
    let text = '';
    terminal.output.on('data', (chunk: Buffer) => (text += String(chunk)));
    const detach = terminalApprover({ by, terminal }).attach(desk);
    return {
      desk,
      terminal,
      store,
      detach,
      async open(more) {
        const outcome = await desk.open(openingOf(more));
        if (outcome.kind !== 'opened') throw new Error('refused');
        return outcome.record;
      },
      async asked() {
        await time.tickAsync(100);
        await flush();
      },
      async type(typed) {
        terminal.input.write(typed);
        await flush();
      },
      screen: () => text,
      state: async (decisionId) => desk.get(decisionId),
    };
  }
});

function nameless(): never {
  throw new Error('no such user');
}

/** Lets streams and promises go as far as they can. */
async function flush(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
