// The rules that hold wherever the library runs, whatever decides and however the tools are guarded.
import { AegisError, ForbiddenError, isPending, type PendingApproval } from 'aegislib';
import type { Tally } from './Tally.ts';
import type { Entered, Tools } from './tools.ts';

export interface Person {
  approve(decisionId: string): Promise<void>;
  refuse(decisionId: string): Promise<void>;
}

/** Nothing of a call is to wait longer than this. */
const PATIENCE_MS = 10_000;

export async function checkEffects(where: string, tools: Tools, entered: Entered, person: Person, tally: Tally): Promise<void> {
  const came = (): string => JSON.stringify(entered);
  const check = async (rule: string, holds: () => Promise<boolean>): Promise<void> => {
    entered.length = 0;
    await tally.check(rule, where, holds);
  };

  await check('allow', async () => {
    return (await tools.post('#support', 'hi')) === 'posted hi' && came() === '[["post","#support","hi"]]';
  });
  await check('deny', async () => {
    const error = await errorOf(tools.post('#announcements', 'hi'));
    // by class, and by the name that loggers and other realms go by
    return error instanceof ForbiddenError && error.name === 'ForbiddenError' && error.status === 403 && came() === '[]';
  });
  await check('sanitize', async () => {
    const result = await tools.mail('ann', 'ask bob@example.com');
    return result === 'mailed ask [email]' && came() === '[["mail","ann","ask [email]"]]';
  });
  await check('approval', async () => {
    const pending = await pendingOf(tools.refund({ id: 'order-1', amount: 250 }));
    const before = came();
    await person.approve(pending.decisionId);
    const result = await within(pending.completed);
    await person.approve(pending.decisionId).catch(() => undefined);
    // time enough for a second run
    await new Promise((resolve) => setTimeout(resolve, 50));
    return before === '[]' && result === 'refunded 250' && came() === '[["refund","order-1",250]]';
  });
  await check('refused by a person', async () => {
    const pending = await pendingOf(tools.refund({ id: 'order-1', amount: 250 }));
    await person.refuse(pending.decisionId);
    return (await errorOf(within(pending.completed))) instanceof ForbiddenError && came() === '[]';
  });
  await check('no approval below the limit', async () => {
    return (await tools.refund({ id: 'order-2', amount: 5 })) === 'refunded 5' && came() === '[["refund","order-2",5]]';
  });
  await check('unknown tool', async () => {
    const error = await errorOf(tools.wipe({ id: 'order-3', amount: 1 }));
    return AegisError.is(error) && error instanceof ForbiddenError && came() === '[]';
  });
}

export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function pendingOf(work: Promise<unknown>): Promise<PendingApproval<string>> {
  const result = await work;
  if (!isPending(result)) throw new Error('the call did not wait for a person');
  return result as PendingApproval<string>;
}

/** Fails where nothing happens, so that a probe always ends with its counts. */
async function within<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('nothing happened')), PATIENCE_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
