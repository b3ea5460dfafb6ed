import * as v from 'valibot';
import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import { HaltBook } from '../../decision/halt/HaltBook.js';
import { haltAnswer, haltsAnswer, orderedHaltAnswer, readScope, writeHalt } from '../../decision/wire/govern/haltsAnswer.js';
import type { WireHalt, WireHaltOrder, WireOrderedHalt } from '../../decision/wire/govern/haltsAnswer.js';
import { revealText } from '../../common/data/reveal.js';
import { hostCaller } from '../../server/access/HostSignature.js';
import { knownNames, unknownInScope } from '../../decision/halt/unknownInScope.js';
import { endHalted } from '../../server/tenant/haltsOf.js';
import { toolSettings } from '../../server/tenant/toolSettings.js';
import { CliError, EXIT, writeJson, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { openHost } from '../server/openHost.js';
import type { Host, HostFlags } from '../server/openHost.js';

/** The options of `aegis halt`. */
export interface HaltFlags extends HostFlags {
  readonly all?: boolean | undefined;
  readonly agent?: string | undefined;
  readonly tool?: string | undefined;
  readonly group?: string | undefined;
  readonly reason: string;
  readonly for?: string | undefined;
  readonly cancel?: boolean | undefined;
}

/** The options of `aegis lift`. */
export interface LiftFlags extends HostFlags {
  readonly reason: string;
}

/** The options of `aegis halts`. */
export interface HaltsFlags extends HostFlags {
  readonly all?: boolean | undefined;
}

/** The halts of a tenant, over its store or its server. */
interface HaltAccess {
  halt(order: WireHaltOrder): Promise<WireOrderedHalt>;
  lift(id: string, reason: string): Promise<WireHalt>;
  list(all: boolean): Promise<readonly WireHalt[]>;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Runs `aegis halt`: from then on nothing in the scope runs. */
export async function orderHalt(flags: HaltFlags, io: CliIo): Promise<number> {
  const { all, agent, tool, group, reason, cancel, json } = flags;
  const forMs = msOf(flags.for);
  const isNamed = agent !== undefined || tool !== undefined || group !== undefined;
  if (all !== true && !isNamed) throw new CliError('say what to halt: --all, or --agent, --tool or --group');
  if (all === true && isNamed) throw new CliError('--all halts every call: leave it out, or leave out --agent, --tool and --group');
  const scope = { ...(all === true && { all }), ...(agent !== undefined && { agent }), ...(tool !== undefined && { tool }) };
  const order: WireHaltOrder = {
    scope: { ...scope, ...(group !== undefined && { group }) },
    reason,
    ...(cancel === true && { pending: 'cancel' }),
    ...(forMs !== undefined && { until: new Date(Date.now() + forMs).toISOString() }),
  };
  return withHalts(flags, async (halts) => {
    const halt = await halts.halt(order);
    writeLines(
      io.err,
      halt.warnings.map((warning) => `warning: ${revealText(warning)}`),
    );
    if (json === true) writeJson(io, halt);
    else writeLines(io.out, [`halted ${lineOf(halt)}`, `lift it with: npx aegis lift ${halt.id} --reason "…"`]);
    return EXIT.ok;
  });
}

/** Runs `aegis lift`: what was frozen goes on. */
export async function liftHalt(id: string, flags: LiftFlags, io: CliIo): Promise<number> {
  return withHalts(flags, async (halts) => {
    const halt = await halts.lift(id, flags.reason);
    if (flags.json === true) writeJson(io, halt);
    else writeLines(io.out, [`lifted ${lineOf(halt)}`]);
    return EXIT.ok;
  });
}

/** Runs `aegis halts`: prints what is halted. */
export async function listHalts(flags: HaltsFlags, io: CliIo): Promise<number> {
  return withHalts(flags, async (access) => {
    const halts = await access.list(flags.all === true);
    if (flags.json === true) writeJson(io, { halts });
    else writeLines(io.out, halts.length === 0 ? ['nothing is halted'] : halts.map(lineOf));
    return EXIT.ok;
  });
}

async function withHalts(flags: HostFlags, use: (halts: HaltAccess) => Promise<number>): Promise<number> {
  const host = await openHost(flags);
  try {
    return await use(host.kind === 'server' ? served(host) : stored(host));
  } finally {
    await host.close();
  }
}

function stored({ rows: { approvals, records }, operator, tenant }: Extract<Host, { kind: 'store' }>): HaltAccess {
  const halts = new HaltBook({ records, isShared: true, maxStaleMs: 5_000 });
  const by = hostCaller(operator).id;
  return {
    async halt({ scope, reason, pending, until }) {
      const untilMs = until === undefined ? undefined : Date.parse(until);
      const halt = await halts.halt(readScope(scope), { by, reason, pending, untilMs });
      // perhaps no program runs that would end what waits before this is lifted
      await endHalted({ desk: new ApprovalDesk(approvals), approvals, halts, tools: toolSettings(tenant.tools) }, Date.now());
      return { ...writeHalt(halt), warnings: unknownInScope(halt.scope, knownNames(tenant)) };
    },
    lift: async (id, reason) => writeHalt(await halts.lift(id, { by, reason })),
    list: async (all) => (await halts.list({ all })).map(writeHalt),
  };
}

function served({ client }: Extract<Host, { kind: 'server' }>): HaltAccess {
  return {
    halt: async (order) => read(orderedHaltAnswer, await client.ask('POST', '/v1/halts', order)),
    lift: async (id, reason) => read(haltAnswer, await client.ask('DELETE', `/v1/halts/${encodeURIComponent(id)}`, { reason })),
    list: async (all) => read(haltsAnswer, await client.ask('GET', `/v1/halts${all ? '?all=true' : ''}`)).halts,
  };
}

function read<T>(schema: v.GenericSchema<unknown, T>, answer: unknown): T {
  const { success, output } = v.safeParse(schema, answer);
  if (!success) throw new CliError('the server answered something else than halts; it may be of another version');
  return output;
}

function lineOf({ id, scope, pending, by, reason, until, lifted }: WireHalt): string {
  const what =
    scope.all === true
      ? 'everything'
      : Object.entries(scope)
          .map(([field, value]) => `${field} ${value}`)
          .join(', ');
  const end = until === null ? '' : `, until ${until}`;
  const over = lifted === null ? '' : `; lifted by ${lifted.by}: ${lifted.reason}`;
  return `${id}  ${what}  by ${by}${end}${pending === 'cancel' ? ', what waits is cancelled' : ''}: ${reason}${over}`;
}

function msOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? NaN);
  if (!(ms > 0)) throw new CliError('--for must be a time such as 90s, 30m, 8h or 7d');
  return ms;
}
