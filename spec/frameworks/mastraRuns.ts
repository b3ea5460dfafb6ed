// How the specs of what Mastra hands tools on to are built: each is a way to run a guarded tool, and to go on with it.
import { Agent } from '@mastra/core/agent';
import type { AgentConfig } from '@mastra/core/agent';
import { createTool } from '@mastra/core/tools';
import { Mastra } from '@mastra/core/mastra';
import { InMemoryStore } from '@mastra/core/storage';
import { createStep, createWorkflow } from '@mastra/core/workflows';
import type { AegisModule } from 'aegislib';
import { guardTools } from 'aegislib/mastra';
import type { MastraOptions } from 'aegislib/mastra';
import { expect } from 'chai';
import * as z from 'zod';
import { counted } from './counted.js';
import { ALLOWED, approveAll, ASKED, DENIED, mailer } from './mail.js';
import type { Mail } from './mail.js';
import { modelCalling } from './mastraAgent.js';
import type { Call } from './mastraAgent.js';

export const MAIL = z.object({ to: z.string(), amount: z.number() });
export const SENT = z.object({ sent: z.string() });
/** A step of a tool needs an output schema. */
const sendTool = (send: (input: Mail) => string) =>
  createTool({
    id: 'send',
    description: 'sends',
    inputSchema: MAIL,
    outputSchema: SENT,
    execute: async (input) => ({ sent: send(input) }),
  });
export type Tools = { readonly send: ReturnType<typeof sendTool> };

/** A run of this way, and its resumption with an answer. */
export interface Run {
  start(): Promise<unknown>;
  /** Undefined where Mastra does not suspend, or cannot go on. */
  readonly resume?: (answer: object) => Promise<unknown>;
  readonly end?: () => Promise<unknown>;
}
export interface Way {
  (tools: Tools, input: Mail): Run;
}

export const agentOf = (name: string, calls: readonly (readonly Call[])[], more: object): Agent =>
  new Agent({
    id: name,
    name,
    description: `${name} works`,
    instructions: 'Work.',
    model: modelCalling(calls),
    ...more,
  } as unknown as AgentConfig);
export const worker = (tools: Tools, input: Mail, more: object = {}): Agent =>
  agentOf('worker', [[{ id: 'call-1', input }]], { tools, ...more });
export const delegating = (name: string, input: object = { prompt: 'go' }): readonly (readonly Call[])[] => [
  [{ id: 'task-1', name, input }],
];

/** An agent of an application that has a storage. */
export function inMastra<A extends object>(agent: A): A {
  return new Mastra({ agents: { lead: agent }, storage: new InMemoryStore(), logger: false } as never).getAgent('lead' as never) as A;
}

export const flowOf = ({ send }: Tools, id = 'flow') =>
  createWorkflow({ id, description: 'mails', inputSchema: MAIL, outputSchema: SENT }).then(createStep(send)).commit();
export const nestedFlow = (tools: Tools) =>
  createWorkflow({ id: 'outer', description: 'mails', inputSchema: MAIL, outputSchema: SENT })
    .then(flowOf(tools) as never)
    .commit();

/** Tries each way with what policy denies, allows and asks a person about. */
export function runsAsPolicySays(what: string, ways: Readonly<Record<string, Way>>): void {
  let wrong = 0;
  let cases = 0;
  after(() => counted({ what, cases, wrong }));

  let runs: Mail[];
  const begin = (module: AegisModule, way: Way, input: Mail, options: MastraOptions<never> = {}): Run => {
    runs = [];
    return way(
      guardTools({ send: sendTool((given) => `sent to ${given.to}, mail ${runs.push(given)}`) }, { module, ...options } as never),
      input,
    );
  };
  const expectRuns = (expected: readonly Mail[], when: string): void => {
    cases++;
    if (JSON.stringify(runs) !== JSON.stringify(expected)) wrong++;
    expect(runs, when).to.deep.equal(expected);
  };
  // what a refusal looks like differs from way to way
  const settled = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

  for (const [name, way] of Object.entries(ways)) {
    it(`runs as policy and the desk say: ${name}`, async () => {
      for (const [input, expected] of [
        [DENIED, []],
        [ALLOWED, [ALLOWED]],
      ] as const) {
        await using module = mailer();
        const { start, end } = begin(module, way, input);
        await settled(start());
        await end?.();
        expectRuns(expected, JSON.stringify(input));
      }
      await using module = mailer();
      const questions = async (): Promise<number> => (await module.approvals.list()).length;
      const { start, resume, end } = begin(module, way, ASKED);
      await settled(start());
      expectRuns([], 'when it was asked');
      expect(await questions()).to.equal(1);
      if (resume !== undefined) {
        await settled(resume({ approved: true }));
        expectRuns([], 'after a yes to Mastra alone');
        expect(await questions()).to.equal(1);
        await approveAll(module);
        await settled(resume({ approved: true }));
        expectRuns([ASKED], 'after a yes at the desk');
        await Promise.all([settled(resume({ approved: true })), settled(resume({ approved: true }))]);
        expectRuns([ASKED], 'resumed twice more');
      }
      await end?.();
    });

    it(`does not run after a no: ${name}`, async () => {
      for (const desk of [false, true]) {
        await using module = mailer();
        const { start, resume, end } = begin(module, way, ASKED);
        await settled(start());
        if (desk) await approveAll(module);
        if (resume !== undefined) {
          await settled(resume({ approved: false, reason: 'not to ann' }));
          expectRuns([], 'after the no');
          expect(await module.approvals.list({ status: 'pending' })).to.deep.equal([]);
          await settled(resume({ approved: true }));
        }
        expectRuns([], 'later');
        await end?.();
      }
    });
  }
}

/** Tries a way that Mastra cannot suspend, with calls that wait for the person. */
export function waitsForThePerson(name: string, way: Way): void {
  it(`waits for the person: ${name}`, async () => {
    for (const [input, expected] of [
      [DENIED, []],
      [ALLOWED, [ALLOWED]],
      [ASKED, [ASKED]],
    ] as const) {
      await using module = mailer();
      const runs: Mail[] = [];
      const asked = new Promise<void>((resolve) => module.approvals.on('requested', () => resolve()));
      const tools = guardTools({ send: sendTool((given) => `mail ${runs.push(given)}`) }, { module, approval: 'wait' });
      const ended = way(tools, input)
        .start()
        .catch((error: unknown) => error);
      if (input === ASKED) {
        await asked;
        expect(runs).to.deep.equal([]);
        await approveAll(module);
      }
      await ended;
      expect(runs).to.deep.equal(expected);
    }
  });
}
