import { AegisModule } from 'aegislib';

/** The input of the one tool of these specs, `send`. */
export interface Mail {
  readonly to: string;
  readonly amount: number;
}

export const ALLOWED: Mail = { to: 'ann', amount: 5 };
export const DENIED: Mail = { to: 'ann', amount: 5_000 };
/** A person has to decide on it. */
export const ASKED: Mail = { to: 'ann', amount: 500 };

export const POLICIES = `
  @id("all") permit (principal, action, resource);
  @id("much") @reason("over a thousand is too much") forbid (principal, action, resource) when { context.input.amount > 1000 };
  @id("some") @effect("approval_needed") @reason("over a hundred needs a person") forbid (principal, action, resource) when { context.input.amount > 100 };
  @id("mask") @effect("sanitize") @sanitize("mask_email /to") forbid (principal, action, resource) when { context.input.to like "*@secret.example" };
  @id("break") @effect("sanitize") @sanitize("set /amount \\"none\\"") forbid (principal, action, resource) when { context.input.to == "break" && context.input.amount == 7 };`;

export function moduleOf(options: object = {}): AegisModule {
  return AegisModule.create({ policies: { text: POLICIES }, agentId: 'mailer', ...options });
}

/** A module whose policies fit tools without an amount too, such as those that hand work to a sub-agent. */
export function mailer(options: object = {}): AegisModule {
  return moduleOf({
    policies: { text: POLICIES.replaceAll(/context\.input\.(\w+)/g, 'context.input has $1 && context.input.$1') },
    ...options,
  });
}

/** A person has to decide on every call, and may decide on the own one. */
export const SELF_APPROVED = `@id("all") permit (principal, action, resource);
  @id("ask") @effect("approval_needed") @self_approval("true") forbid (principal, action, resource);`;

/** Calls of the tool with these inputs, each with an id of its own. */
export function callsOf(inputs: readonly Mail[]): { id: string; input: Mail }[] {
  return inputs.map((input, i) => ({ id: `call-${i + 1}`, input }));
}

/** Approves everything that is pending. */
export async function approveAll({ approvals }: Pick<AegisModule, 'approvals'>, by = 'ann'): Promise<void> {
  for (const { decisionId, digest } of await approvals.list()) await approvals.approve(decisionId, { by, digest });
}

/** Approves the first that is pending, and denies each other one, so that none has to be waited for. */
export async function approveFirstDenyOthers({ approvals }: Pick<AegisModule, 'approvals'>): Promise<void> {
  const [first, ...others] = await approvals.list({ status: 'pending' });
  if (first !== undefined) await approvals.approve(first.decisionId, { by: 'bob', digest: first.digest });
  for (const { decisionId, digest } of others) await approvals.deny(decisionId, { by: 'bob', digest });
}

/** Something with times in it that have a relation to one another: again at half, a quarter … of the pace, where this machine cannot keep up. */
export async function atSomePace(work: (slower: number) => Promise<void>): Promise<void> {
  for (const slower of [1, 2, 4, 8, 16]) {
    const kept = await work(slower).then(
      () => true,
      () => false,
    );
    if (kept) return;
  }
  await work(32);
}

/** Waits for something to become true, at least 20 seconds; where this process stands still meanwhile, that much longer. */
export async function until(ready: () => unknown): Promise<void> {
  for (let i = 0; i < 10_000 && !(await ready()); i++) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** How long a promise takes, in milliseconds, without the time in which this process could not run. */
export async function msOf(work: Promise<unknown>): Promise<number> {
  const started = performance.now();
  let [last, heldUpMs] = [started, 0];
  const tick = (): void => {
    const now = performance.now();
    if (now - last > 15) heldUpMs += now - last - 5;
    last = now;
  };
  const timer = setInterval(tick, 5);
  await work;
  tick();
  clearInterval(timer);
  return last - started - heldUpMs;
}
