import { PassThrough } from 'node:stream';
import { SecretString } from '../../../lib/common/SecretString.js';
import { terminalApprover } from '../../../lib/decision/terminal/terminalApprover.js';
import { AegisModule } from '../../../lib/guard/module/AegisModule.js';
import type { AegisOptions } from '../../../lib/guard/module/AegisOptions.js';
import { guard } from '../../../lib/guard/guard.js';
import { guardCall } from '../../../lib/guard/guardCall.js';
import { isPending, type PendingApproval } from '../../../lib/model/PendingApproval.js';
import { lintPolicies } from '../../../lib/policy/lint/lintPolicies.js';
import type { ApprovalRecord } from '../../../lib/store/ApprovalStore.js';
import type { Sinks } from './sinks.js';
import { CANARIES } from '../../support/outputCanaries.js';

type Loose = (...args: unknown[]) => Promise<unknown>;
type Options = Record<string, unknown>;

const { policyText } = CANARIES;
const POLICIES = `
  // ${policyText}
  @id("all") permit (principal, action, resource) when { !(context.input has never && context.input.never == "${policyText}") };
  @id("no") @reason("never this") forbid (principal, action == Aegis::Action::"denied", resource);
  @id("mask") @effect("sanitize") @sanitize("redact /text") forbid (principal, action == Aegis::Action::"sanitized", resource) when { context.input.text != "[redacted]" };
  @id("mended") @effect("sanitize") @sanitize("mask_email /absent") forbid (principal, action == Aegis::Action::"unmendable", resource);
  @id("ask") @effect("approval_needed") @reason("a person decides") forbid (principal, action == Aegis::Action::"asked", resource);
  @id("errs") forbid (principal, action == Aegis::Action::"erring", resource) when { context.input.text < 1 && context.input.missing == "${policyText}" };`;

/** What a call carries: a canary at every place that a call has. */
export const params = (): Options => ({ text: CANARIES.param, options: { deep: [CANARIES.nestedParam], [CANARIES.paramKey]: 1 } });
const session = (): Options => ({ user_id: CANARIES.requester, token: CANARIES.session });
const returns = (): Promise<unknown> => Promise.resolve({ secret: CANARIES.result });
const throws = (): Promise<unknown> => Promise.reject(new TypeError(CANARIES.methodError));

/** A module whose every event is taken. */
export function watched(sinks: Sinks, options: AegisOptions): AegisModule {
  const aegis = AegisModule.create({ agentId: 'bot', debug: true, logger: sinks.logger, ...options });
  aegis.tasks.on('transition', (change) => sinks.value('tasks', change));
  return aegis;
}

/** Ends a call; whatever it ends in is taken. */
export async function ended(sinks: Sinks, call: () => unknown): Promise<unknown> {
  try {
    const result = await call();
    if (isPending(result)) sinks.value('handle', result);
    return result;
  } catch (error) {
    sinks.error(error);
    return undefined;
  }
}

/** Drives everything a module with policies does, every end of it. */
export async function embeddedFlows(sinks: Sinks): Promise<void> {
  const aegis = watched(sinks, { policies: { text: POLICIES } });
  for (const event of ['requested', 'settled'] as const) aegis.approvals.on(event, (record) => sinks.value('desk', record));
  let calls = 0;
  const call = (toolName: string, method: Loose, more: Options = {}): Promise<unknown> => {
    const guarded = guard(method, { toolName, module: aegis, approval: 'wait', session, ...more } as never) as unknown as Loose;
    // a call that was refused by a person stays refused: no two are equal
    return ended(sinks, () => guarded({ ...params(), n: (calls += 1) }));
  };
  for (const tool of ['allowed', 'denied', 'sanitized', 'unmendable', 'erring'])
    for (const method of [returns, throws]) await call(tool, method);
  await refusedArguments(sinks, aegis, call);
  await approvals(sinks, aegis, call);
  sinks.module(aegis);
  const open = (await call('asked', returns, { approval: 'defer' })) as PendingApproval;
  const late = ended(sinks, () => open.completed);
  await aegis.close();
  await late;
  sinks.value('handle', open);
  await call('allowed', returns);
  sinks.module(aegis);
  await atTheTerminal(sinks);
  await lint(sinks);
  await onStandardError(sinks);
}

async function refusedArguments(
  sinks: Sinks,
  aegis: AegisModule,
  call: (tool: string, method: Loose, more?: Options) => unknown,
): Promise<void> {
  const sole = guard(returns, { toolName: 'sole', module: aegis, approval: 'wait' } as never) as unknown as Loose;
  const named = guard(returns, { toolName: 'named', module: aegis, approval: 'wait', params: ['text'] } as never) as unknown as Loose;
  const { soleText, secretParam, param, paramKey } = CANARIES;
  const hidden = new SecretString(secretParam);
  const circular: Options = params();
  circular['self'] = circular;
  const odd = [hidden, { key: hidden }, new Map([[param, param]]), new Error(param), [param, Number.NaN], Symbol(param), () => param, circular, null, { [paramKey]: new Set([param]) }, `${param}${'x'.repeat(300_000)}`, Object.defineProperty({}, 'text', { get: () => { throw new Error(param); }, enumerable: true })]; // prettier-ignore
  for (const argument of odd) for (const guarded of [sole, named]) await ended(sinks, () => guarded(argument));
  await ended(sinks, () => sole(soleText));
  await ended(sinks, () => named(soleText, param));
  // as valibot does, these quote what they were given
  const issue = { '~standard': { version: 1, vendor: 'spec', validate: (value: unknown) => ({ issues: [{ message: `received ${JSON.stringify(value)}`, path: ['text'] }] }) } }; // prettier-ignore
  const broken = { '~standard': { ...issue['~standard'], validate: (value: unknown) => { throw new Error(JSON.stringify(value)); } } }; // prettier-ignore
  for (const schema of [issue, broken]) await call('allowed', returns, { schema });
  await call('allowed', returns, { session: () => ({ token: hidden, user_id: new Map([[CANARIES.session, 1]]) }) });
  await call('allowed', returns, { agentId: () => ({ id: CANARIES.session }) });
  await call('allowed', returns, { signal: AbortSignal.abort(new Error('given up')) });
}

async function approvals(
  sinks: Sinks,
  aegis: AegisModule,
  call: (tool: string, method: Loose, more?: Options) => Promise<unknown>,
): Promise<void> {
  const desk = aegis.approvals;
  const next = (): Promise<ApprovalRecord> => new Promise((resolve) => desk.once('requested', resolve));
  const { approverReason: reason, metadata } = CANARIES;
  const verdicts = [
    ({ decisionId, digest }: ApprovalRecord) => desk.approve(decisionId, { by: 'ann', digest, reason }),
    ({ decisionId }: ApprovalRecord) => desk.deny(decisionId, { by: 'ann', reason }),
  ];
  for (const mode of ['wait', 'defer', 'throw'])
    for (const method of [returns, throws])
      for (const verdict of verdicts) {
        const asked = next();
        const result = call('asked', method, { approval: mode, onSettled: () => { throw new Error('a callback'); } }); // prettier-ignore
        const record = await asked;
        await ended(sinks, () => desk.approve(record.decisionId, { by: 'ann', digest: 'another', reason }));
        await ended(sinks, () => desk.approve(record.decisionId, { by: CANARIES.requester, digest: record.digest, reason }));
        await verdict(record);
        await ended(sinks, () => verdict(record));
        const pending = await result;
        if (isPending(pending)) await ended(sinks, () => pending.completed);
      }
  await call('asked', returns, { approvalTimeoutMs: 20 });
  await call('asked', returns, { waitMs: 20, signal: AbortSignal.timeout(30) });
  const cancelled = (await call('asked', returns, {
    approval: 'defer',
    session: { user_id: 'cy', token: CANARIES.session },
  })) as PendingApproval;
  await cancelled.cancel();
  await ended(sinks, () => cancelled.completed);
  const marked = { agentId: 'bot', toolName: 'asked', params: params(), session: session(), metadata: { note: metadata } };
  const outcome = await guardCall(aegis, marked, returns);
  if (outcome.kind === 'pending') await outcome.cancel();
  sinks.value('tasks', await aegis.tasks.listTasks());
  sinks.value('desk', await desk.list());
  await ended(sinks, () => aegis.tasks.updateStatus('none', 'completed', { result: CANARIES.result }));
}

async function atTheTerminal(sinks: Sinks): Promise<void> {
  const terminal = { input: new PassThrough(), output: Object.assign(new PassThrough(), { columns: 1_000 }) };
  let screen = '';
  terminal.output.on('data', (chunk) => (screen += String(chunk)));
  const aegis = watched(sinks, { policies: { text: POLICIES }, approver: terminalApprover({ by: 'bob', terminal }) });
  const guarded = guard(returns, { toolName: 'asked', module: aegis, approval: 'wait', session } as never) as unknown as Loose;
  for (const answer of ['yes', undefined]) {
    screen = '';
    const result = ended(sinks, () => guarded({ ...params(), n: answer ?? 'approved' }));
    while (!screen.includes('[No]:')) await new Promise((resolve) => setTimeout(resolve, 10));
    terminal.input.write(`${answer ?? /Type (\w{4})/.exec(screen)?.[1]}\n`);
    await result;
    sinks.take('terminal', screen);
  }
  await aegis.close();
}

async function lint(sinks: Sinks): Promise<void> {
  const texts = [
    `permit (principal, action, resource) when { context.input.key == "${policyText}" };`,
    `@id("a") permit (principal, action, resource) when { context.input.key == "${policyText}" `,
    `@id("a") @reason("${policyText}\u0007") @severity("${policyText}") @approvers("${policyText} !") forbid (principal, action, resource);`,
    `@id("a") @effect("sanitize") @sanitize("set /x ${policyText}") forbid (principal, action, resource); // ${policyText}`,
    `@id("a") permit (principal, action, resource) when { decimal("${policyText}") == ip("${policyText}") };`,
    POLICIES,
  ];
  for (const text of texts) {
    sinks.value('lint', await lintPolicies([{ file: 'a.cedar', text }]));
    await ended(sinks, async () => AegisModule.create({ policies: { text } }).close());
  }
}

/** `debug` without a logger: lines on standard error. */
async function onStandardError(sinks: Sinks): Promise<void> {
  const aegis = AegisModule.create({ agentId: 'bot', policies: { text: POLICIES }, debug: true, logLevel: 'debug' });
  for (const toolName of ['allowed', 'denied', 'sanitized', 'erring', 'asked']) {
    const guarded = guard(returns, { toolName, module: aegis, approval: 'throw', session } as never) as unknown as Loose;
    await ended(sinks, () => guarded(params()));
  }
  await aegis.close();
}
