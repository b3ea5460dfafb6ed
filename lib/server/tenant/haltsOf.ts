import { chain } from '../../common/awaitable.js';
import type { Awaitable } from '../../common/awaitable.js';
import type { SteadyClock } from '../../common/time/SteadyClock.js';
import type { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import { AutoHalt, checkedAutoHalt } from '../../decision/halt/AutoHalt.js';
import type { AutoHaltOptions } from '../../decision/halt/AutoHalt.js';
import { HaltBook } from '../../decision/halt/HaltBook.js';
import { haltedBy, reasonOf } from '../../decision/halt/haltedBy.js';
import type { AegisError } from '../../model/AegisError.js';
import { StoreError } from '../../model/errors/ServiceErrors.js';
import type { HaltEvents } from '../../guard/halt/Halts.js';
import { isInScope } from '../../model/halt/Halt.js';
import type { HaltableCall, HaltScope } from '../../model/halt/Halt.js';
import type { SafeEmitter } from '../../model/SafeEmitter.js';
import type { ApprovalQuery, ApprovalRecord } from '../../store/ApprovalStore.js';
import type { RecordStore } from '../../store/RecordStore.js';
import { RequestError } from '../front/RequestError.js';
import type { Tenant, ToolSettings } from './Tenant.js';
import type { TenantHalts } from './TenantHalts.js';

/** How long a server decides without being able to read what is halted, in milliseconds. */
const MAX_STALE_MS = 5_000;

/** The halts of a tenant, which other servers and the command line order too. */
export function haltsOf(records: RecordStore, clock: SteadyClock, news: SafeEmitter<HaltEvents>): HaltBook {
  return new HaltBook({
    records,
    clock,
    isShared: true,
    maxStaleMs: MAX_STALE_MS,
    onChange(began, ended) {
      for (const halt of began) news.emit('halted', halt);
      for (const halt of ended) news.emit('lifted', halt);
    },
  });
}

/** @throws ConfigError for options that cannot be some */
export function autoHaltOf(
  where: string,
  given: AutoHaltOptions | undefined,
  halts: Pick<TenantHalts, 'halt' | 'inForce'>,
  clock: SteadyClock,
): AutoHalt | undefined {
  return (
    given &&
    new AutoHalt(
      checkedAutoHalt(where, given),
      () => halts,
      () => clock.now(),
    )
  );
}

/**
 * Why a call must not run now.
 *
 * @throws StoreError where the store fails, so that nothing is known: its caller asks again, as after any other failure of the store
 */
export function haltOn(halts: Pick<TenantHalts, 'look'>, call: HaltableCall): Awaitable<AegisError | undefined> {
  return chain(halts.look(call), (halted) => {
    if (halted?.code !== 'halt_unknown' || halted.cause === undefined) return halted;
    throw new StoreError('It could not be read what is halted. See the cause for the error of the store.', { cause: halted.cause });
  });
}

/**
 * How often the halts may have been changed when an approval is used.
 *
 * @throws RequestError 409 where its call is halted
 * @throws StoreError where the store fails
 */
export function unlessHalted(
  halts: Pick<TenantHalts, 'changes' | 'look' | 'refresh'>,
  tools: ReadonlyMap<string, ToolSettings>,
  refusals: { count: number },
): (approval: ApprovalRecord, again?: boolean) => Awaitable<number | undefined> {
  return ({ agentId, toolName }, again) =>
    chain(again === true ? halts.refresh() : undefined, () =>
      chain(haltOn(halts, { agentId, toolName, groups: tools.get(toolName)?.groups }), (halted) => {
        if (halted !== undefined) {
          refusals.count += 1;
          throw refusedWhileHalted(halted);
        }
        return halts.changes;
      }),
    );
}

/** What is halted, where that has ended an approval: what its caller is told. */
export function endedByHalt(
  { halts, tools }: Pick<Tenant, 'halts' | 'tools'>,
  { status, agentId, toolName }: Pick<ApprovalRecord, 'status' | 'agentId' | 'toolName'>,
): string | undefined {
  if (status !== 'withdrawn') return undefined;
  const call = { agentId, toolName, groups: tools.get(toolName)?.groups };
  const halt = halts.inForce.find(({ pending, scope }) => pending === 'cancel' && isInScope(scope, call));
  return halt && reasonOf(haltedBy(halt, call), call);
}

/** What becomes of a step on the way from approved to run: it is tried again, and goes on once the halt is over. */
export function refusedWhileHalted({ code, message }: AegisError): RequestError {
  return new RequestError(409, code, message);
}

/** The halts for which everything that was approved has been looked through: nothing more is approved in their scope. */
const done = new WeakMap<ApprovalDesk, ReadonlySet<string>>();

/**
 * Ends what waits, or is approved and not used, in the scope of the halts in force that cancel it. Callers elsewhere cannot: their programs do not read the halts.
 * Each server does, and one of them wins.
 */
export async function endHalted(
  { desk, approvals, halts, tools }: Pick<Tenant, 'desk' | 'approvals' | 'halts' | 'tools'>,
  nowMs: number,
): Promise<void> {
  const before = done.get(desk);
  const now = new Set<string>();
  for (const { id, scope, pending } of halts.inForce) {
    if (pending !== 'cancel') continue;
    const ended = async (query: ApprovalQuery): Promise<void> => {
      for (const { decisionId, consumed } of await approvals.list({ ...query, limit: Infinity }))
        if (consumed === undefined) await desk.end(decisionId, 'withdrawn');
    };
    for (const query of queriesOf(scope, tools)) {
      await ended({ ...query, status: 'pending' });
      if (before?.has(id) !== true) await ended({ ...query, status: 'approved', overdueSinceMs: nowMs });
    }
    now.add(id);
  }
  done.set(desk, now);
}

/** How the approvals in a scope are found: the store does not know the groups of a tool. */
function queriesOf({ agentId, toolName, group }: HaltScope, tools: Tenant['tools']): readonly ApprovalQuery[] {
  if (group === undefined) return [{ agentId, toolName }];
  const inGroup = [...tools].filter(([name, { groups }]) => groups?.includes(group) === true && (toolName ?? name) === name);
  return inGroup.map(([name]) => ({ agentId, toolName: name }));
}
