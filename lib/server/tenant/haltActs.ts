import { AegisError } from '../../model/AegisError.js';
import { BadRequestError } from '../../model/errors/ServiceErrors.js';
import type { Halt, HaltScope } from '../../model/halt/Halt.js';
import { RequestError } from '../front/RequestError.js';
import type { Tenant } from './Tenant.js';

/** Who orders or lifts a halt. */
export interface HaltActor {
  readonly id: string;
  /** Of a person; absent for the operator of the host. */
  readonly signedIn?: { readonly roles: ReadonlySet<string> } | undefined;
}

/** What a halt is ordered with. */
export interface HaltWish {
  readonly scope: HaltScope;
  readonly reason: string;
  readonly pending: 'freeze' | 'cancel' | undefined;
  readonly untilMs: number | undefined;
  /** By the clock that `untilMs` was reckoned with, in epoch milliseconds. */
  readonly nowMs: number;
}

/** The longest pause of an agent that an approver may order, in milliseconds. */
const PAUSE_MS = 3_600_000;

/**
 * Orders a halt: an admin any, an approver the pause of one agent.
 *
 * @throws RequestError 403 `role_missing`
 * @throws BadRequestError for an order that cannot be one
 */
export async function orderHalt({ halts }: Pick<Tenant, 'halts'>, actor: HaltActor, wish: HaltWish): Promise<Halt> {
  checkPause(actor, wish);
  const { scope, reason, pending, untilMs } = wish;
  return checked(halts.halt(scope, { by: actor.id, reason, pending, ...(untilMs !== undefined && { untilMs }) }));
}

/** Whether there is a halt with this id, also one that is over. */
export async function isHalt({ halts }: Pick<Tenant, 'halts'>, id: string): Promise<boolean> {
  return (await halts.list({ all: true })).some((halt) => halt.id === id);
}

/**
 * Lifts a halt that there is. Whether the actor may is the matter of the route.
 *
 * @throws BadRequestError for an order that cannot be one
 */
export async function liftHalt({ halts }: Pick<Tenant, 'halts'>, id: string, { id: by }: HaltActor, reason: string): Promise<Halt> {
  return checked(halts.lift(id, { by, reason }));
}

function checkPause({ signedIn }: HaltActor, { scope: { agentId, ...more }, untilMs = Infinity, pending, nowMs }: HaltWish): void {
  if (signedIn === undefined || signedIn.roles.has('admin')) return;
  const isOneAgent = agentId !== undefined && Object.values(more).every((other) => other === undefined);
  // what waits is perhaps for other groups to decide, and what they approved is theirs
  if (isOneAgent && untilMs <= nowMs + PAUSE_MS && pending !== 'cancel') return;
  throw new RequestError(
    403,
    'role_missing',
    'An approver may pause one agent, for an hour at most, and ends nothing that waits: give `scope.agent` alone, and `until`. Everything else takes an admin.',
  );
}

/** What a halt cannot be ordered with is the caller's fault. */
async function checked(work: Promise<Halt>): Promise<Halt> {
  try {
    return await work;
  } catch (error) {
    if (AegisError.is(error) && error.name === 'ConfigError') throw new BadRequestError(error.message);
    throw error;
  }
}
