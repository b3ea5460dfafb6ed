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

/** Waits for something to become true, for a second at most. */
export async function until(ready: () => unknown): Promise<void> {
  for (let i = 0; i < 500 && !(await ready()); i++) await new Promise((resolve) => setTimeout(resolve, 2));
}
