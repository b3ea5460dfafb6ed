import { expect } from 'chai';
import { AegisGuard } from '../../../lib/guard/AegisGuard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { guard } from '../../../lib/guard/guard.js';
import {
  bindingKeys,
  bindingOf,
  bindingsOf,
  checkSoleBinding,
  noteInstance,
  onNewInstance,
  registerGuards,
} from '../../../lib/guard/method/GuardBinding.js';
import type { GuardInfo } from '../../../lib/guard/method/guardMetadata.js';
import { getGuard } from '../../../lib/guard/method/guardMetadata.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import type { PendingApproval } from '../../../lib/model/PendingApproval.js';
import { durableModule } from '../../support/durableModules.js';
import { rejection } from '../../support/rejection.js';
import { SharedMemoryStore } from '../../support/SharedMemoryStore.js';

let keys = 0;
const newKey = (): string => `binding-${(keys += 1)}`;

describe('The guards of a process', () => {
  it('are found by what they say of themselves, and by their keys', () => {
    const key = newKey();
    const fn = guard(async (_a: number) => {}, { toolName: 'a.tool', key, params: ['a'] });
    const info = getGuard(fn) as GuardInfo;
    expect(bindingsOf(key)).to.deep.equal([bindingOf(info)]);
    expect(bindingKeys()).to.include(key);
    expect(bindingsOf('nobody’s')).to.deep.equal([]);
    expect(bindingOf({ ...info })).to.equal(undefined);
    expect(() => checkSoleBinding(key)).to.not.throw();
  });

  it('are named both where two have one key', () => {
    const key = newKey();
    class Till {
      @AegisGuard({ toolName: 'refund', key, params: ['a'] })
      async refund(_a: number): Promise<void | PendingApproval<void>> {}
    }
    expect(new Till()).to.be.instanceOf(Till);
    guard(async function pay(_a: number) {}, { key, params: ['a'] });
    expect(() => checkSoleBinding(key))
      .to.throw(ConfigError)
      .with.property('message')
      .that.contains(key)
      .and.contains("'Till.refund' and 'pay'");
  });

  it('tell of the first instance, and of none after it', () => {
    const key = newKey();
    class Till {
      @AegisGuard({ toolName: 'refund', key, params: ['a'] })
      async refund(_a: number): Promise<void | PendingApproval<void>> {}
    }
    let told = 0;
    const stop = onNewInstance(() => (told += 1));
    const till = new Till();
    expect([told, new Till() instanceof Till, told]).to.deep.equal([1, true, 1]);
    noteInstance(bindingOf(getGuard(Till, 'refund') as GuardInfo), till);
    noteInstance(undefined, till);
    stop();
    expect(told).to.equal(1);
  });
});

describe('Two guards with one key', () => {
  it('are a ConfigError where a call of one would be stored, and what was asked for is withdrawn', async () => {
    const aegis = durableModule(new SharedMemoryStore());
    const [one, other] = ['one', 'two'].map((name) =>
      guard(async (_a: number) => {}, { toolName: 'shared.tool', module: aegis, params: ['a'], agentId: name }),
    );
    for (const call of [one!, other!]) expect(await rejection(call(1) as Promise<unknown>)).to.include({ name: 'ConfigError' });
    expect([await aegis.approvals.list(), await aegis.tasks.listTasks()]).to.deep.equal([[], []]);
    await aegis.close();
  });

  it('are a ConfigError where their class is registered', async () => {
    const aegis = durableModule(new SharedMemoryStore());
    class Twins {
      @AegisGuard({ toolName: 'twin', module: aegis })
      async one(): Promise<void | PendingApproval<void>> {}
      @AegisGuard({ toolName: 'twin', module: aegis })
      async two(): Promise<void | PendingApproval<void>> {}
    }
    expect(() => aegis.register(Twins)).to.throw(ConfigError, "'Twins.one' and 'Twins.two'");
    await aegis.close();
  });

  it('are nothing to a module whose tasks end with the process', async () => {
    const aegis = AegisModule.create({ policies: { text: '@id("a") permit (principal, action, resource);' }, agentId: 'bot' });
    const twins = [1, 2].map((n) => guard(async () => n, { toolName: 'memory.twin', module: aegis }));
    expect(await Promise.all(twins.map(async (twin) => twin()))).to.deep.equal([1, 2]);
    await aegis.close();
  });
});

describe('Arguments that no store can keep', () => {
  it('are refused where the call would outlive its process, and taken where its caller waits', async () => {
    const aegis = durableModule(new SharedMemoryStore());
    const options = { module: aegis, params: ['to', 'body'], opaque: ['body'] } as const;
    const deferred = guard(async (_to: string, _body: object) => {}, { ...options, toolName: 'mail.deferred' });
    expect(await rejection(deferred('ann', {}))).to.include({ name: 'ParamsError', code: 'opaque_not_durable' });
    expect([await aegis.approvals.list(), await aegis.tasks.listTasks()]).to.deep.equal([[], []]);
    const bodies: object[] = [];
    const waited = guard(async (_to: string, body: object) => void bodies.push(body), {
      ...options,
      toolName: 'mail.waited',
      approval: 'wait',
    });
    const body = { stream: true };
    const done = waited('ann', body);
    let [record] = await aegis.approvals.list();
    while (record === undefined) [record] = await aegis.approvals.list();
    await aegis.approvals.approve(record.decisionId, { by: 'bob', digest: record.digest });
    await done;
    expect(bodies[0]).to.equal(body);
    await aegis.close();
  });
});

describe('registerGuards', () => {
  function define() {
    const key = `register-${(keys += 1)}`;
    class Till {
      @AegisGuard({ toolName: 'refund', key })
      async refund(): Promise<void | PendingApproval<void>> {}
      @AegisGuard({ toolName: 'shut', key: `${key}-static` })
      static async shut(): Promise<void | PendingApproval<void>> {}
    }
    const of = (method: string) => bindingOf(getGuard(Till, method) as GuardInfo);
    return { Till, refund: of('refund'), shut: of('shut') };
  }

  it('binds the guards of a class to it, without an instance', () => {
    const { Till, refund, shut } = define();
    registerGuards(Till);
    expect([refund?.class, refund?.sole]).to.deep.equal([Till, { kind: 'none' }]);
    expect(shut?.sole).to.deep.equal({ kind: 'sole', self: Till });
  });

  it('binds them to an instance that was made without its constructor', () => {
    const { Till, refund } = define();
    const till = Object.create(Till.prototype) as object;
    registerGuards(till);
    expect([refund?.class, refund?.sole]).to.deep.equal([Till, { kind: 'sole', self: till }]);
  });

  it('refuses what has no guards', () => {
    class Plain {}
    for (const target of [Plain, new Plain(), {}, Object.create(null), null, () => 1, { constructor: 'a text' }])
      expect(() => registerGuards(target as object)).to.throw(ConfigError, 'register(): must get a class');
  });
});
