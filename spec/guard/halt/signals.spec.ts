import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardTools } from '../../../lib/adapter/ai-sdk.js';
import { currentCall } from '../../../lib/guard/call/callContext.js';
import { guard } from '../../../lib/guard/guard.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import { rejection } from '../../support/rejection.js';
import { until } from '../../support/until.js';

const POLICIES = {
  text: `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action == Aegis::Action::"refund", resource);`,
};
const ORDER = { by: 'ann', reason: 'CANARY it runs wild' };
const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

describe('The signal of a call that runs', () => {
  const world = () => {
    const module = AegisModule.create({ policies: POLICIES, agentId: 'bot' });
    const approve = async (): Promise<void> => {
      await until(async () => (await module.approvals.list()).length > 0);
      for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.approve(decisionId, { by: 'bob', digest });
    };
    return { module, approve };
  };

  for (const mode of ['defer', 'wait'] as const)
    it(`is aborted by a halt where a person approved the call (${mode}), stays so once it is lifted, and is not aborted for the next call`, async () => {
      const { module, approve } = world();
      const seen: unknown[] = [];
      const refund = guard(
        async (amount: number) => {
          const { signal } = currentCall()!;
          if (amount === 1) {
            const { id } = await module.halts.halt({ toolName: 'refund' }, ORDER);
            await module.halts.lift(id, ORDER);
          }
          seen.push([signal.aborted, (signal.reason as { readonly code?: string } | undefined)?.code]);
          return amount;
        },
        { key: `refund ${mode}`, toolName: 'refund', params: ['amount'], approval: mode as 'wait', module },
      );
      for (const amount of [1, 2]) {
        const called = refund(amount);
        await approve();
        const outcome = (await called) as unknown as { readonly completed?: Promise<number> };
        expect(await (outcome.completed ?? outcome)).to.equal(amount);
      }
      expect(seen).to.deep.equal([
        [true, 'halted'],
        [false, undefined],
      ]);
      await module.close();
    });

  it('is aborted for a call that asks for it only when it is halted already, and not for one that is not', async () => {
    for (const sessions of [undefined, 'async-local'] as const) {
      const module = AegisModule.create({ policies: POLICIES, agentId: 'bot', ...(sessions !== undefined && { sessions }) });
      const codeOf = (): unknown => {
        const { signal } = currentCall()!;
        return signal.aborted ? (signal.reason as { readonly code?: string }).code : 'runs';
      };
      const crawl = guard(
        async function* (pages: number) {
          for (let page = 0; page < pages; page++) yield page;
          yield codeOf();
        },
        { key: `crawl ${sessions}`, toolName: 'crawl', params: ['pages'], approval: 'wait', module },
      );
      for (const [toolName, code] of [
        ['crawl', 'halted'],
        ['other', 'runs'],
      ] as const) {
        const stream = crawl(1);
        expect((await stream.next()).value).to.equal(0);
        const { id } = await module.halts.halt({ toolName }, ORDER);
        expect((await stream.next()).value).to.equal(code);
        await module.halts.lift(id, ORDER);
      }
      if (sessions === 'async-local') {
        const slow = guard(
          async (ms: number) => {
            await module.halts.halt({ toolName: 'slow' }, ORDER);
            await pause(ms);
            return codeOf();
          },
          { key: 'slow', toolName: 'slow', params: ['ms'], approval: 'wait', module },
        );
        expect(await slow(1)).to.equal('halted');
      }
      await module.close();
    }
  });

  it('is aborted by a haltFile too, and what is approved goes on once the file has gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aegis-halt-file-'));
    const haltFile = join(folder, 'halt');
    const module = AegisModule.create({ policies: POLICIES, agentId: 'bot', haltFile });
    const crawl = guard(
      async (url: string) => {
        const { signal } = currentCall()!;
        if (url === 'a') writeFileSync(haltFile, '');
        await until(() => signal.aborted);
        return (signal.reason as { readonly code?: string }).code;
      },
      { key: 'crawl by file', toolName: 'crawl', params: ['url'], module },
    );
    expect(await crawl('a')).to.equal('halted');
    expect(await rejection(crawl('b'))).to.have.property('code', 'halted');
    rmSync(haltFile);
    let ran = 0;
    const refund = guard(async (amount: number) => (ran += amount), {
      key: 'refund by file',
      toolName: 'refund',
      params: ['amount'],
      approval: 'defer',
      module,
    });
    await until(async () => (await refund(1).catch(() => undefined)) !== undefined);
    writeFileSync(haltFile, '');
    const book = await module.halts.start();
    await book.refresh();
    const [record] = await module.approvals.list();
    await module.approvals.approve(String(record?.decisionId), { by: 'bob', digest: record?.digest });
    await pause(50);
    expect(ran).to.equal(0);
    rmSync(haltFile);
    await book.refresh();
    await until(() => ran === 1);
    await module.close();
    rmSync(folder, { recursive: true });
  });

  it('is not aborted by who opened the approval of a call in mode defer, and is by who waits for it', async () => {
    const { module, approve } = world();
    for (const [mode, aborted] of [
      ['defer', [false, false]],
      ['wait', [false, true]],
    ] as const) {
      const caller = new AbortController();
      let running = false;
      const refund = guard(
        async (amount: number) => {
          const { signal } = currentCall()!;
          running = true;
          const before = signal.aborted;
          if (mode === 'wait') caller.abort(new Error('gone'));
          await pause(1);
          return [before, signal.aborted, amount];
        },
        { key: `signal ${mode}`, toolName: 'refund', params: ['amount'], approval: mode as 'wait', module, signal: () => caller.signal },
      );
      const called = refund(1);
      called.catch(() => {});
      if (mode === 'defer') {
        await called;
        caller.abort(new Error('gone'));
      }
      await approve();
      await until(() => running);
      const outcome = (await called) as unknown as { readonly completed?: Promise<unknown> };
      expect(await (outcome.completed ?? outcome)).to.deep.equal([...aborted, 1]);
    }
    await module.close();
  });

  it('ends a method with an error that no adapter takes for a call that did not run', async () => {
    const { module } = world();
    const crawl = {
      description: 'd',
      inputSchema: { type: 'object', properties: { url: { type: 'string' } } },
      execute: async (): Promise<string> => {
        const { signal } = currentCall()!;
        await pause(1);
        signal.throwIfAborted();
        return 'all of it';
      },
    };
    const tools = guardTools({ crawl } as never, { module }) as unknown as {
      readonly crawl: { execute(input: object, options: object): Promise<unknown> };
    };
    const running = tools.crawl.execute({ url: 'a' }, { toolCallId: 'c', messages: [] });
    running.catch(() => {});
    await module.halts.halt({ agentId: 'bot' }, ORDER);
    const error = await rejection(Promise.resolve(running));
    expect(error).to.include({ name: 'AbortError', code: 'halted' });
    expect(error.message).to.contain('may have run in part').and.not.contain('CANARY');
    // one that did not begin is told to the model as such, without a word of who ordered it and why
    const denied = JSON.stringify(
      await tools.crawl.execute({ url: 'b' }, { toolCallId: 'd', messages: [] }).catch((e: Error) => e.message),
    );
    expect(denied).to.contain("agent 'bot' is halted").and.not.contain('CANARY').and.not.contain('ann');
    await module.close();
  });
});
