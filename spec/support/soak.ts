import { AegisModule, guard } from '../../lib/index.js';
import { waited } from './pace.js';

/** Spent approvals that the memory store keeps, and some. */
const KEPT = 11_000;
const PARTS = 10;

/** What a soak found. */
export interface SoakFigures {
  readonly ran: number;
  readonly approved: number;
  /** Of the heap after a collection, from where all that is kept on purpose is full. 0.01 is one percent. */
  readonly heapGrowth: number;
  /** Handles and listeners beyond those at the start. */
  readonly handles: number;
  readonly listeners: number;
  /** How long `close()` took. */
  readonly exitMs: number;
}

const POLICIES = `
@id("all") permit (principal, action, resource);
@id("large") @effect("approval_needed") @reason("large") forbid (principal, action == Aegis::Action::"pay", resource) when { context.input.amount > 10 };
@id("mask") @effect("sanitize") @sanitize("set /note \\"-\\"") @may_permit("true") forbid (principal, action == Aegis::Action::"pay", resource) when { context.input.note == "x" };
`;

/** Makes calls of three kinds, allowed, changed and approved, one after another in one module. Needs `--expose-gc`. */
export async function soak(calls: number, approvals: number): Promise<SoakFigures> {
  const { gc } = globalThis as unknown as { gc: () => void };
  const held = (): number => process.getActiveResourcesInfo().filter((r) => !/Pipe|TTY|FSReq/.test(r)).length;
  const listening = (): number =>
    process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0) + aegis.tasks.eventNames().length;
  // the loading of modules holds some for a moment
  await new Promise((resolve) => setTimeout(resolve, 20));
  const handlesBefore = held();
  const aegis = AegisModule.create({ policies: { text: POLICIES }, agentId: 'soak', tasks: { maxFinished: 100 } });
  const listenersBefore = listening();
  let ran = 0;
  let approved = 0;
  const pay = guard(
    async (amount: number, note: string) => {
      if (amount > 10) approved += 1;
      else ran += 1;
      return note;
    },
    { module: aegis, toolName: 'pay', params: ['amount', 'note'], approval: 'wait' },
  );
  const approveOne = async (amount: number, note: string): Promise<void> => {
    const call = pay(amount, note);
    const [request] = await aegis.approvals.list({ limit: 1 });
    if (request === undefined) throw new Error('nobody was asked');
    await aegis.approvals.approve(request.decisionId, { by: 'bob', digest: request.digest });
    await call;
  };
  const heap = async (): Promise<number> => {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
    return process.memoryUsage().heapUsed;
  };
  // the tables of a Map grow and shrink as entries come and go: what counts is the middle of a whole round of them
  const heapOverARound = async (): Promise<number> => {
    const samples: number[] = [];
    for (let part = 0; part < PARTS; part++) {
      for (let i = 0; i < KEPT / PARTS; i++) await approveOne(11 + i, 'round');
      samples.push(await heap());
    }
    return samples.sort((a, b) => a - b)[PARTS / 2] as number;
  };
  // what is kept on purpose is bounded: it is filled first
  await heapOverARound();
  for (let i = 0; i < KEPT; i++) await pay(1, 'y');
  const before = await heapOverARound();
  ran = approved = 0;
  for (let part = 0; part < PARTS; part++) {
    for (let i = share(calls, part); i > 0; i--) await pay(1, i % 10 === 0 ? 'x' : 'y');
    for (let i = share(approvals, part); i > 0; i--) await approveOne(11 + i, `n${part}`);
  }
  const ended = { ran, approved };
  const heapGrowth = (await heapOverARound()) / before - 1;
  const listeners = listening() - listenersBefore;
  const { ms: exitMs } = await waited(() => aegis.close());
  return { ...ended, heapGrowth, handles: held() - handlesBefore, listeners, exitMs };
}

/** How many of all fall to one part. */
function share(all: number, part: number): number {
  return Math.floor((all * (part + 1)) / PARTS) - Math.floor((all * part) / PARTS);
}
