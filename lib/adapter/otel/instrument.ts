import { findPackage } from '../../common/findPackage.js';
import { LruMap } from '../../common/LruMap.js';
import type { Decision } from '../../model/Decision.js';
import { checkedOptions } from '../../model/checkedOptions.js';
import { publishCallbackError } from '../../model/diagnostics.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { DecidedEvent, EnteringEvent, Journal, JournalEvent, SettledEvent, TaskEvent } from '../../model/Journal.js';
import { Meters } from './Meters.js';
import { ATTRIBUTES } from './metrics.js';
import type { AttributeValue, OtelApi } from './OtelApi.js';
import { Spans } from './Spans.js';

/** Options of {@link instrument}. */
export interface InstrumentationOptions {
  /**
   * `@opentelemetry/api`, as `import * as api from '@opentelemetry/api'` gives it.
   *
   * @defaultValue the one that is installed beside the program
   */
  readonly api?: OtelApi | undefined;
  /**
   * `decisions`: a span for each decision and each approval. `tools`: one for each run of a guarded method as well; frameworks for agents often make that
   * span themselves. `off`: none.
   *
   * @defaultValue `decisions`
   */
  readonly spans?: 'decisions' | 'tools' | 'off' | undefined;
  /** Whether to measure. @defaultValue true */
  readonly metrics?: boolean | undefined;
  /**
   * Counts the approvals that wait for a person, at each export, for `aegis.approvals.pending`: such as `() => aegis.tasks.getStats().then((s) => s.pending)`.
   *
   * @defaultValue there is no such gauge
   */
  readonly pending?: (() => number | Promise<number>) | undefined;
  /**
   * Counts the audit records that are not on disk yet, at each export, for `aegis.audit.queued`: such as `() => log.status().queued`.
   *
   * @defaultValue there is no such gauge
   */
  readonly auditQueue?: (() => number | Promise<number>) | undefined;
}

type Attributes = Record<string, AttributeValue>;

const MAX_RUNS = 10_000;

/**
 * Tells OpenTelemetry what is decided and run: a journal for `AegisModule.configure({ journal })` and `createDataPlane({ journal })`. It can stop nothing.
 * Neither spans nor metrics hold params, results, sessions, reasons or the names of people; metrics have no label for agents.
 *
 * @throws ConfigError where `@opentelemetry/api` is not installed, or an option is wrong
 */
export function instrument(options: InstrumentationOptions = {}): Journal {
  const checked = checkedOptions('instrument()', options, {
    api: 'object',
    spans: "'decisions'|'tools'|'off'",
    metrics: 'boolean',
    pending: 'function',
    auditQueue: 'function',
  });
  return new Instrumentation(checked, checked.api ?? requireApi());
}

class Instrumentation implements Journal {
  readonly #spans: Spans | undefined;
  readonly #tools: boolean;
  readonly #meters: Meters | undefined;
  /** Whether there was an SDK at the last decision: looking it up is most of what a call costs without one. */
  #live = false;
  /** When runs began, on the monotonic clock. */
  readonly #begun = new LruMap<string, number>(MAX_RUNS);

  constructor({ spans = 'decisions', metrics = true, pending, auditQueue }: InstrumentationOptions, api: OtelApi) {
    this.#spans = spans === 'off' ? undefined : new Spans(api.trace);
    this.#tools = spans === 'tools';
    const failed = (error: unknown): void => publishCallbackError('reading a gauge of OpenTelemetry', error);
    this.#meters = metrics ? new Meters(api, { pending, auditQueue }, failed) : undefined;
  }

  traceparent(): string | undefined {
    return this.#spans?.traceparent();
  }

  note(event: JournalEvent): void {
    switch (event.kind) {
      case 'decided':
        return this.#decided(event);
      case 'task':
        return this.#task(event);
      case 'entering':
        return this.#entering(event);
      case 'settled':
        return this.#settled(event);
      case 'security':
        return this.#meters?.current()?.security.add(1, { [ATTRIBUTES.code]: event.diagnostic.code });
      case 'policies':
        return this.#meters?.current()?.policyChanges.add(1);
      default:
    }
  }

  #decided({ request, decision, durationMs, dryRun, approvalId }: DecidedEvent): void {
    const tracer = this.#spans?.tracer();
    const instruments = this.#meters?.current();
    this.#live = tracer !== undefined || instruments !== undefined;
    if (!this.#live) return;
    const effect = effectOf(decision);
    const { agentId, toolName } = request;
    if (tracer !== undefined) {
      const attributes: Attributes = {
        [ATTRIBUTES.agent]: agentId,
        [ATTRIBUTES.tool]: toolName,
        [ATTRIBUTES.effect]: effect,
        [ATTRIBUTES.decisionId]: decision.decisionId,
      };
      if (decision.policySetHash !== undefined) attributes[ATTRIBUTES.policySet] = decision.policySetHash;
      if (dryRun === true) attributes[ATTRIBUTES.dryRun] = true;
      if (approvalId !== undefined) attributes[ATTRIBUTES.approvalId] = approvalId;
      this.#spans?.decided(tracer, Date.now(), durationMs ?? 0, attributes);
    }
    if (instruments === undefined || dryRun === true) return;
    const tool = this.#meters?.tool(toolName) ?? '';
    instruments.decisions.add(1, { [ATTRIBUTES.effect]: effect, [ATTRIBUTES.tool]: tool });
    if (durationMs !== undefined) instruments.decisionDuration.record(durationMs / 1_000, { [ATTRIBUTES.effect]: effect });
  }

  #task({ task, from }: TaskEvent): void {
    const tracer = this.#spans?.tracer();
    const instruments = this.#meters?.current();
    if (tracer === undefined && instruments === undefined) return;
    const { status, taskId, decisionId, agentId, toolName, createdAtMs, updatedAtMs, traceparent } = task;
    if (from === undefined || (from === 'pending' && status !== 'pending')) {
      const outcome = from === undefined ? 'opened' : status;
      const tool = this.#meters?.tool(toolName) ?? '';
      instruments?.approvals.add(1, { [ATTRIBUTES.outcome]: outcome, [ATTRIBUTES.tool]: tool });
      if (from !== undefined)
        instruments?.approvalWait.record(Math.max(0, updatedAtMs - createdAtMs) / 1_000, { [ATTRIBUTES.outcome]: outcome });
    }
    if (tracer === undefined) return;
    // an approval that was given goes on until its call starts, or is over
    if ((from === 'pending' && status !== 'approved' && status !== 'pending') || (from === 'approved' && status !== 'pending')) {
      if (status === 'executing' && task.runs > 1) return this.#spans?.knowsTask(taskId, traceparent);
      const attributes = {
        [ATTRIBUTES.agent]: agentId,
        [ATTRIBUTES.tool]: toolName,
        [ATTRIBUTES.approvalId]: decisionId,
        [ATTRIBUTES.taskId]: taskId,
        [ATTRIBUTES.outcome]: status === 'executing' ? 'approved' : status,
      };
      this.#spans?.approvalEnded(tracer, { taskId, traceparent, createdAtMs, updatedAtMs }, attributes);
    }
  }

  #entering({ agentId, toolName, decisionId, taskId }: EnteringEvent): void {
    if (!this.#live) return;
    const run = taskId ?? decisionId;
    const measured = this.#meters?.current() !== undefined;
    if (measured) this.#begun.set(run, performance.now());
    const tracer = this.#tools ? this.#spans?.tracer() : undefined;
    if (tracer === undefined) return;
    const attributes: Attributes = {
      [ATTRIBUTES.operation]: 'execute_tool',
      [ATTRIBUTES.agent]: agentId,
      [ATTRIBUTES.tool]: toolName,
      [ATTRIBUTES.decisionId]: decisionId,
    };
    if (taskId !== undefined) attributes[ATTRIBUTES.taskId] = taskId;
    this.#spans?.entering(tracer, { run, toolName, taskId }, attributes);
  }

  #settled({ toolName, decisionId, taskId, outcome }: SettledEvent): void {
    if (!this.#live) return;
    const run = taskId ?? decisionId;
    this.#spans?.settled(run, taskId, outcome);
    const instruments = this.#meters?.current();
    if (instruments === undefined) return;
    const tool = this.#meters?.tool(toolName) ?? '';
    instruments.executions.add(1, { [ATTRIBUTES.outcome]: outcome, [ATTRIBUTES.tool]: tool, [ATTRIBUTES.approved]: taskId !== undefined });
    const began = this.#begun.get(run);
    if (began === undefined) return;
    this.#begun.delete(run);
    if (outcome === 'completed' || outcome === 'failed')
      instruments.executionDuration.record((performance.now() - began) / 1_000, { [ATTRIBUTES.outcome]: outcome });
  }
}

/** An effect that is none of the four is treated as deny; it may be any text. */
function effectOf({ effect }: Decision): string {
  return effect === 'allow' || effect === 'sanitize' || effect === 'approval_needed' ? effect : 'deny';
}

function requireApi(): OtelApi {
  try {
    const { require, path } = findPackage('@opentelemetry/api');
    return require(path) as OtelApi;
  } catch (cause) {
    const message =
      'needs the package @opentelemetry/api, which is not installed: npm install @opentelemetry/api. Or hand it over as the option `api`.';
    throw new ConfigError([{ where: 'instrument()', message }], { cause });
  }
}
