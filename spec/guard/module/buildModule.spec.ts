import { expect } from 'chai';
import sinon from 'sinon';
import { AegisModule, ConfigError, guard, guardSync, isPending } from '../../../lib/index.js';
import { MemoryApprovalStore } from '../../../lib/store/memory/MemoryApprovalStore.js';
import { MemoryTaskStore } from '../../../lib/store/memory/MemoryTaskStore.js';
import type { ApprovalStore } from '../../../lib/store/ApprovalStore.js';
import { withFolder } from '../../support/policyCalls.js';
import { moduleAsking, rejection, StandInDecisions } from '../../support/standInDecisions.js';

const ALL = '@id("all") permit (principal, action, resource);';
const ASK = `${ALL} @id("ask") @effect("approval_needed") forbid (principal, action, resource);`;
const logger = () => ({ debug: sinon.spy(), info: sinon.spy(), warn: sinon.spy(), error: sinon.spy() });

describe('A module', () => {
  afterEach(() => sinon.restore());

  describe('says nothing to the console', () => {
    for (const [name, options, lines] of [
      ['unless it is told to debug', {}, 0],
      ['where debug is off', { debug: false, logLevel: 'debug' }, 0],
      ['but what it decides where debug is on', { debug: true }, 1],
    ] as const)
      it(name, async () => {
        const written = sinon.stub(process.stderr, 'write').returns(true);
        const module = moduleAsking(new StandInDecisions(), options);
        try {
          await guard(async () => 1, { toolName: 't', approval: 'wait', module })();
        } finally {
          written.restore();
        }
        expect(written.callCount).to.equal(lines);
        await module.close();
      });
  });

  it('says nothing to the console of policies that can be written, where nobody asked for a log', async () => {
    await withFolder({ 'a.cedar': ALL }, async (path) => {
      const written = sinon.stub(process.stderr, 'write').returns(true);
      try {
        await AegisModule.create({ policies: path }).close();
      } finally {
        written.restore();
      }
      expect(written.callCount).to.equal(0);
    });
  });

  it('takes no class for a service, though it has methods of these names', () => {
    class Decisions {
      static decide(): void {}
      static status(): void {}
    }
    expect(() => AegisModule.create({ decisions: Decisions as never })).to.throw(ConfigError, 'must be a DecisionService');
  });

  it('tells its own logger of decisions only where debug is on', async () => {
    const own = logger();
    const module = moduleAsking(new StandInDecisions(), { logger: own });
    await guard(async () => 1, { toolName: 't', approval: 'wait', module })();
    expect(own.debug.callCount).to.equal(0);
    await module.close();
  });

  it('warns of policies that whoever runs it can write', async () => {
    await withFolder({ 'a.cedar': ALL }, async (path) => {
      const own = logger();
      await AegisModule.create({ policies: path, logger: own }).close();
      expect(own.warn.callCount).to.equal(1);
      const [{ paths }] = own.warn.firstCall.args as [{ paths: string[] }];
      expect(paths[0]).to.equal(path);
      expect(paths[1]).to.match(/a\.cedar$/);
    });
  });

  it('has nothing to warn of where its policies are a text', async () => {
    const own = logger();
    await AegisModule.create({ policies: { text: ALL }, logger: own }).close();
    expect(own.warn.callCount).to.equal(0);
  });

  it('gives the limits of its options to the approval desk', async () => {
    const module = AegisModule.create({ policies: { text: ASK }, agentId: 'a', maxPendingPerTool: 1 });
    const refund = guard(async (n: number) => n, { toolName: 'refund', params: ['n'], module });
    expect(isPending(await refund(1))).to.equal(true);
    await rejection(refund(2) as Promise<unknown>);
    expect(await module.approvals.list()).to.have.length(1);
    await module.close();
  });

  it('takes an approval store that has nothing to open or close', async () => {
    const memory = new MemoryApprovalStore();
    const bare = Object.fromEntries(
      ['insert', 'get', 'replace', 'list', 'countPending', 'listDenied', 'prune'].map((name) => [
        name,
        (...args: unknown[]) => Reflect.apply(Reflect.get(memory, name) as (...args: unknown[]) => unknown, memory, args),
      ]),
    ) as unknown as ApprovalStore;
    const module = AegisModule.create({ policies: { text: ASK }, agentId: 'a', approvalStore: bare });
    await module.ready();
    expect(isPending(await guard(async () => 1, { toolName: 't', module })())).to.equal(true);
    await module.close();
  });

  describe('that has something to open', () => {
    let open: () => void;
    const opening = (): Promise<void> => new Promise((resolve) => (open = resolve));

    it('decides no call before its decision service is ready', async () => {
      const service = Object.assign(new StandInDecisions(), { ready: opening });
      const module = moduleAsking(service);
      const running = guard(async () => 1, { toolName: 't', approval: 'wait', module })();
      await new Promise(setImmediate);
      expect(service.requests).to.have.length(0);
      open();
      expect(await running).to.equal(1);
      await module.close();
    });

    it('answers at once again when it is open', async () => {
      const module = moduleAsking(new StandInDecisions(), { store: Object.assign(new MemoryTaskStore(), { open: opening }) });
      open();
      await module.ready();
      expect(guardSync(() => 1, { toolName: 't', module })()).to.equal(1);
      await module.close();
    });

    it('lets those wait who have the view of it alone', async () => {
      const store = Object.assign(new MemoryTaskStore(), { open: opening });
      const module = AegisModule.configure({ decisions: new StandInDecisions(), store, env: false });
      let ready = false;
      const waiting = AegisModule.current.ready().then(() => (ready = true));
      await new Promise(setImmediate);
      expect(ready).to.equal(false);
      open();
      await waiting;
      await module.close();
    });
  });

  it('that is closed leaves the current one alone, if that is another', async () => {
    const current = AegisModule.configure({ decisions: new StandInDecisions(), env: false });
    await moduleAsking(new StandInDecisions()).close();
    expect(AegisModule.current.tasks).to.equal(current.tasks);
    await AegisModule.close();
  });
});
