import * as v from 'valibot';
import { didYouMean } from '../../common/didYouMean.js';
import { ApprovalDesk } from '../../decision/desk/ApprovalDesk.js';
import { Limits } from '../../decision/limit/Limits.js';
import type { LimitState } from '../../decision/limit/LimitState.js';
import { limitsAnswer, readCounter, writeCounter } from '../../decision/wire/govern/limitsAnswer.js';
import { amountText, byText, levelText, windowText } from '../../server/page/govern/windowText.js';
import { LISTED_COUNTERS } from '../../store/counter/counterWindow.js';
import { CliError, counted, EXIT, writeJson, writeLines } from '../CliIo.js';
import type { CliIo } from '../CliIo.js';
import { openHost } from '../server/openHost.js';
import type { Host, HostFlags } from '../server/openHost.js';

/** The options of `aegis limits list`. */
export interface ListLimitsFlags extends HostFlags {
  readonly policy?: string | undefined;
  readonly agent?: string | undefined;
  readonly near?: boolean | undefined;
}

/** How many characters a bar has. */
const BAR = 20;

/** Runs `aegis limits list`: prints what is counted, the fullest first. */
export async function listLimits({ policy, agent, near, ...flags }: ListLimitsFlags, io: CliIo): Promise<number> {
  const all = await countersOf(flags);
  const shown = all.filter(
    ({ policyId, by, level }) =>
      (policy === undefined || policyId === policy) &&
      (agent === undefined || by['agent'] === agent) &&
      (near !== true || level !== 'free'),
  );
  if (flags.json === true) writeJson(io, { counters: shown.map(writeCounter) });
  else {
    writeLines(
      io.out,
      shown.map((one) => `${one.policyId}  ${counterLine(one)}`),
    );
    writeLines(io.out, [summary(shown)]);
    if (isCut(all) && shown.length < all.length) writeLines(io.err, [`looked for ${CUT}`]);
    if (shown.length > 0) writeLines(io.err, ['npx aegis limits show <policy> shows one limit']);
    else if (all.length === 0)
      writeLines(io.err, ['a limit is a policy with @effect("limit"); what it counts is listed until its window is over']);
  }
  return EXIT.ok;
}

/** Runs `aegis limits show`: prints what one limit counts apart, and how much of it. */
export async function showLimit(policy: string, flags: HostFlags, io: CliIo): Promise<number> {
  const all = await countersOf(flags);
  const shown = all.filter(({ policyId }) => policyId === policy);
  const [first] = shown;
  if (first === undefined) {
    const known = [...new Set(all.map(({ policyId }) => policyId))];
    const where = isCut(all) ? CUT : 'in a window that is not over';
    throw new CliError(
      `nothing is counted for a limit with this id, ${where}${didYouMean(policy, known) || '; list them with npx aegis limits'}`,
    );
  }
  if (flags.json === true) writeJson(io, { counters: shown.map(writeCounter) });
  else {
    const { limit, windowMs, kind } = first;
    writeLines(io.out, [
      `${policy}: ${amountText(limit)} in ${windowText(windowMs)}, ${kind}; by ${Object.keys(first.by).join(', ')}`,
      ...shown.map((one) => `  ${counterLine(one)}`),
      summary(shown),
    ]);
  }
  return EXIT.ok;
}

/** What is searched where there is more than a list has. */
const CUT = `among the ${LISTED_COUNTERS} fullest counters`;

function isCut({ length }: readonly LimitState[]): boolean {
  return length >= LISTED_COUNTERS;
}

function counterLine(one: LimitState): string {
  const { used, limit, kind, endsAtMs } = one;
  const filled = Math.min(BAR, Math.floor(limit === 0 ? BAR : (used / limit) * BAR));
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}]`;
  const end = `${kind === 'fixed' ? 'ends' : 'free again by'} ${new Date(endsAtMs).toISOString()}`;
  return `${bar} ${amountText(used)} of ${amountText(limit)}${levelText(one)}  ${byText(one)}  ${end}`;
}

function summary(shown: readonly LimitState[]): string {
  const of = (level: LimitState['level']): number => shown.filter((one) => one.level === level).length;
  return `${counted(shown.length, 'counter')}: ${of('full')} used up, ${of('near')} nearly`;
}

async function countersOf(flags: HostFlags): Promise<readonly LimitState[]> {
  const host = await openHost(flags);
  try {
    return await (host.kind === 'server' ? served(host) : stored(host));
  } finally {
    await host.close();
  }
}

async function stored({ rows }: Extract<Host, { kind: 'store' }>): Promise<readonly LimitState[]> {
  const { counts } = new ApprovalDesk(rows.approvals);
  return new Limits(() => counts.counters).list();
}

async function served({ client }: Extract<Host, { kind: 'server' }>): Promise<readonly LimitState[]> {
  const { success, output } = v.safeParse(limitsAnswer, await client.ask('GET', '/v1/limits'));
  if (!success) throw new CliError('the server answered something else than limits; it may be of another version');
  return output.counters.map(readCounter);
}
