import { expect } from 'chai';
import { AegisGuard, AegisModule, PolicyEvalError, TransportError, UnknownServiceError } from 'aegislib';
import type { Decision, DecisionService, Task } from 'aegislib';
import type { DecisionRequest, DecisionStatus } from 'aegislib/decision';
import type { AdapterOptions } from 'aegislib/ai-sdk';
import { counted } from './counted.js';
import { ALLOWED, approveAll, ASKED, DENIED, moduleOf, msOf, POLICIES, until } from './mail.js';
import type { Mail } from './mail.js';

/** What the model was told about one of its calls. */
export interface Told {
  readonly text: string;
  /** Marked as an error or as denied, in the framework's own way. Undefined where it has none for this. */
  readonly refused: boolean | undefined;
}

/** Options that every adapter takes, without what the framework hands to a tool. */
export type PlainOptions = Omit<AdapterOptions<never>, 'session' | 'verdictBy' | 'agentId' | 'scope'> & { readonly agentId?: string };

/** One adapter with its real framework, and a mock model. */
export interface AdapterUnderTest {
  readonly name: string;
  readonly native: boolean;
  /**
   * One run of an agent: the model calls `send` with all of these inputs in one answer, each with a call id of its own, and then ends. The tool is
   * `body`, guarded. Resolves to what the model was told of each call, in order; rejects where the run rejects.
   */
  run(options: PlainOptions, inputs: readonly Mail[], body: (input: Mail) => unknown, signal?: AbortSignal): Promise<readonly Told[]>;
  /** Whether each run is a connection of its own, which no scope joins with another. Default false. */
  readonly connects?: boolean;
  /** Whether a run can be aborted. Default true. */
  readonly abortable?: boolean;
  /** Whether the tool's schema is checked after a sanitize. Default true. */
  readonly revalidates?: boolean;
  /** Whether the framework enters the tool's body at once, so that a guarded method within is decided together with the tool. Default true. */
  readonly entersAtOnce?: boolean;
}

/** What every adapter does, whatever its framework calls it. */
export function behavesLikeAdapter(adapter: AdapterUnderTest): void {
  const { native, connects = false, abortable = true, revalidates = true, entersAtOnce = true } = adapter;
  describe(`The adapter of ${adapter.name}`, () => {
    let module: AegisModule;
    let ran: Mail[];
    const body = (input: Mail): string => {
      ran.push(input);
      return `sent to ${input.to}`;
    };
    let played = 0;
    beforeEach(() => {
      module = moduleOf();
      ran = [];
      played += 1;
    });
    afterEach(() => module.close());
    after(function () {
      const wrong = this.test?.parent?.tests.filter((test) => test.state === 'failed').length ?? 0;
      counted({ what: `what every adapter does: ${adapter.name}`, cases: played, wrong });
    });

    const run = (inputs: readonly Mail[], options: PlainOptions = {}, signal?: AbortSignal): Promise<readonly Told[]> =>
      adapter.run({ module, ...options }, inputs, body, signal);
    const first = async (input: Mail, options: PlainOptions = {}): Promise<Told> => (await run([input], options))[0] as Told;

    it('runs an allowed call once, with the arguments it came with, and tells the model its result', async () => {
      const told = await first(ALLOWED);
      expect(ran).to.deep.equal([ALLOWED]);
      expect(told.text).to.include('sent to ann');
      expect(told.refused).to.be.oneOf([false, undefined]);
    });

    it('never runs a denied call, and tells the model why, marked as the framework marks it', async () => {
      const told = await first(DENIED);
      expect(ran).to.deep.equal([]);
      expect(told.text).to.include('over a thousand is too much');
      expect(told.refused).to.be.oneOf([true, undefined]);
      expect(told.text).to.not.match(/\bat .*\.[jt]s:\d/);
    });

    it('runs a sanitized call with what policy made of it', async () => {
      await first({ to: 'bob@secret.example', amount: 5 });
      expect(ran).to.deep.equal([{ to: '[email]', amount: 5 }]);
    });

    if (revalidates) {
      it('denies a call that policy turned into one that the tool cannot have, without a stack trace', async () => {
        const told = await first({ to: 'break', amount: 7 });
        expect(ran).to.deep.equal([]);
        expect(told.text).to.not.match(/\bat .*\.[jt]s:\d/);
        expect(told.text).to.not.include('sent to');
      });
    }

    it('tells the model that a person has to decide, runs the tool once when it was approved, and keeps its result', async () => {
      const told = await first(ASKED, { approval: 'defer' });
      expect(told.text).to.include('over a hundred needs a person');
      expect(ran).to.deep.equal([]);
      await approveAll(module);
      const completed = async (): Promise<readonly Task[]> => module.tasks.listTasks({ status: 'completed' });
      await until(async () => (await completed()).length > 0);
      expect((await completed()).map((task) => JSON.stringify((task as { result?: unknown }).result))).to.have.length(1);
      expect(JSON.stringify((await completed())[0])).to.include('sent to ann');
      expect(ran).to.deep.equal([ASKED]);
    });

    it('waits for a person where it is told to, and gives the result', async () => {
      const answer = first(ASKED, { approval: 'wait' });
      await until(async () => (await module.approvals.list()).length > 0);
      expect(ran).to.deep.equal([]);
      await approveAll(module);
      expect((await answer).text).to.include('sent to ann');
      expect(ran).to.deep.equal([ASKED]);
    });

    it('waits no longer than it may, and never runs the tool then', async () => {
      const told = await first(ASKED, { approval: 'wait', waitMs: 20 });
      expect(told.text).to.not.include('sent to');
      await approveAll(module);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(ran).to.deep.equal([]);
    });

    it('refuses what a person would have to decide where nobody is asked, and leaves nothing open', async () => {
      const told = await first(ASKED, { approval: 'deny' });
      expect(told.refused).to.be.oneOf([true, undefined]);
      expect([ran, await module.approvals.list({ status: 'pending' })]).to.deep.equal([[], []]);
    });

    it('does not run the tool, and does not end the run, where the decision service throws or says nonsense', async () => {
      for (const answer of [
        () => {
          throw new Error('away');
        },
        () => ({ effect: 'perhaps' }),
        () => undefined,
        () => Promise.reject(new Error('away')),
      ]) {
        const failing = AegisModule.create({ decisions: serviceOf(answer as never), agentId: 'mailer' });
        const told = await first(ALLOWED, { module: failing });
        expect(told.text).to.not.include('sent to');
        expect(told.text).to.not.match(/\bat .*\.[jt]s:\d/);
        await failing.close();
      }
      expect(ran).to.deep.equal([]);
    });

    it('tells the model nothing of what a decision service writes about its own failure', async () => {
      const stack = 'Traceback: File "/srv/pdp/eval.py", line 3: password=hunter2';
      for (const error of [new PolicyEvalError(stack), new UnknownServiceError(stack, { code: stack }), new TransportError(stack)]) {
        const failing = AegisModule.create({ decisions: serviceOf(() => Promise.reject(error)), agentId: 'mailer' });
        const { text } = await first(ALLOWED, { module: failing });
        expect([text.includes('hunter2'), text.includes('eval.py')]).to.deep.equal([false, false]);
        await failing.close();
      }
      expect(ran).to.deep.equal([]);
    });

    it('does not run the tool where no module, agent or legal tool name is there', async () => {
      const nameless = AegisModule.create({ policies: { text: POLICIES } });
      const closed = moduleOf();
      await closed.close();
      for (const options of [
        { module: undefined },
        { module: nameless },
        { module: closed },
        { toolName: () => 'no name!' },
        {
          toolName: () => {
            throw new Error('x');
          },
        },
      ])
        await first(ALLOWED, options as PlainOptions);
      await nameless.close();
      expect(ran).to.deep.equal([]);
    });

    it('takes two calls at once for two, each with a decision of its own', async () => {
      const asked: DecisionRequest[] = [];
      const counting = AegisModule.create({
        decisions: serviceOf((request) => (asked.push(request), { effect: 'allow', decisionId: `d${asked.length}` })),
        agentId: 'mailer',
      });
      await run([ALLOWED, { to: 'bob', amount: 6 }], { module: counting, approval: 'defer' });
      await counting.close();
      expect(ran.map(({ to }) => to).sort()).to.deep.equal(['ann', 'bob']);
      expect(new Set(asked.map(({ callId }) => callId))).to.have.property('size', 2);
    });

    /** Runs of one conversation, where the framework does not say so itself. */
    const oneScope = { scope: () => 'chat' } as PlainOptions;
    const equal = (count: number): Mail[] => Array.from({ length: count }, () => ASKED);

    it('asks one question for 64 equal calls at once, runs the tool once on its approval, and asks again for 10 later ones', async () => {
      await run(equal(64), { approval: 'defer' });
      expect(await module.approvals.list()).to.have.length(1);
      await approveAll(module);
      await until(() => ran.length > 0);
      await run(equal(10), { approval: 'defer' });
      expect(await module.approvals.list({ status: 'pending' })).to.have.length(1);
      expect(ran).to.deep.equal([ASKED]);
    });

    it('has 8 equal calls that wait share one question and one run', async () => {
      const told = run(equal(8), { approval: 'wait', waitMs: 60_000 });
      await until(async () => (await module.approvals.list()).length > 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await module.approvals.list()).to.have.length(1);
      await approveAll(module);
      // a framework that calls one tool after the other asks again for the next one
      let done = false;
      void told.finally(() => (done = true)).catch(() => undefined);
      await until(() => ran.length > 0);
      const before = ran.length;
      while (!done) {
        for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.deny(decisionId, { by: 'ann', digest });
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      expect([before, ran]).to.deep.equal([1, [ASKED]]);
    });

    if (!connects)
      it('remembers a no: equal calls are refused, each under an id of its own, and no one is asked again', async () => {
        await run([ASKED], { approval: 'defer', ...oneScope });
        for (const { decisionId, digest } of await module.approvals.list()) await module.approvals.deny(decisionId, { by: 'ann', digest });
        await until(async () => (await module.tasks.listTasks({ status: 'denied' })).length > 0);
        for (const told of await run(equal(4), { approval: 'defer', ...oneScope })) expect(told.text).to.not.include('"aegis":"pending"');
        expect([await module.approvals.list(), ran]).to.deep.equal([[], []]);
      });

    it('lets what the tool throws be what the framework makes of it, and takes no refusal for it', async () => {
      const failing = (): never => {
        throw new Error('the mailbox is full');
      };
      // some frameworks end the run, others tell the model
      const ended = await adapter.run({ module }, [ALLOWED], failing).then(
        (told) => told.map(({ text }) => text).join(),
        (error: unknown) => String(error),
      );
      expect(ended).to.not.include('"aegis":"denied"');
    });

    it(`decides ${entersAtOnce ? 'once' : 'both'} where the tool calls a guarded method with the same arguments`, async () => {
      let decisions = 0;
      const counting = AegisModule.create({
        decisions: serviceOf(() => ({ effect: 'allow', decisionId: `d${(decisions += 1)}` })),
        agentId: 'mailer',
      });
      class Post {
        @AegisGuard({ toolName: 'send', module: () => counting, approval: 'wait' })
        async send(mail: Mail): Promise<string> {
          return body(mail);
        }
      }
      const post = new Post();
      const before = await adapter.run({ module: counting, approval: 'defer' }, [ALLOWED], (input) => post.send(input));
      expect([before[0]?.text.includes('sent to ann'), decisions]).to.deep.equal([true, entersAtOnce ? 1 : 2]);
      // other arguments are another call
      await adapter.run({ module: counting, approval: 'defer' }, [ALLOWED], (input) => post.send({ ...input, amount: 6 }));
      expect(decisions).to.equal(entersAtOnce ? 3 : 4);
      await counting.close();
    });

    it('shows the model, as a refusal, what a guarded method within the tool refuses', async () => {
      class Post {
        @AegisGuard({ toolName: 'inner', module: () => module, approval: 'wait' })
        async send(mail: Mail): Promise<string> {
          return body(mail);
        }
      }
      const post = new Post();
      const [told] = await adapter.run({ module }, [ALLOWED], () => post.send(DENIED));
      expect(told?.text).to.include('over a thousand is too much');
      expect(ran).to.deep.equal([]);
    });

    if (abortable) {
      it('ends the wait when the run is aborted, at once, and never runs the tool', async () => {
        const controller = new AbortController();
        const answer = run([ASKED], { approval: 'wait' }, controller.signal).then(
          () => {},
          () => {},
        );
        await until(async () => (await module.approvals.list()).length > 0);
        const requests = await module.approvals.list();
        controller.abort();
        expect(await msOf(answer)).to.be.below(100);
        for (const { decisionId, digest } of requests) await module.approvals.approve(decisionId, { by: 'ann', digest }).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(ran).to.deep.equal([]);
      });
    }

    it('refuses options that cannot be', () => {
      const make = (options: object) => adapter.run({ module, ...options }, [], body);
      return Promise.all(
        [{ approval: 'perhaps' }, { verdictBy: () => 'ann', module: undefined }, ...(native ? [] : [{ approval: 'native' }])].map(
          async (options) => {
            const error = await make(options).then(
              () => undefined,
              (e: unknown) => e,
            );
            expect(error).to.include({ name: 'ConfigError' });
          },
        ),
      );
    });
  });
}

/** A decision service of one function. */
export function serviceOf(decide: (request: DecisionRequest) => Decision | Promise<Decision>): DecisionService {
  return { decide, status: (decisionId): DecisionStatus => ({ decisionId, state: 'pending' }) };
}
