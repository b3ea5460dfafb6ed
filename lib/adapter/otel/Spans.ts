import { LruMap } from '../../common/LruMap.js';
import { VERSION } from '../../common/version.js';
import type { Task } from '../../model/Task.js';
import { ATTRIBUTES, SCOPE, SPANS } from './metrics.js';
import type { AttributeValue, OtelApi, OtelSpan, OtelTracer, SpanContext } from './OtelApi.js';

type Attributes = Record<string, AttributeValue>;

const KIND_INTERNAL = 0;
const STATUS_ERROR = 2;
/** Spans and contexts that are kept until the run that they belong to. What was opened longest ago goes first. */
const MAX_KEPT = 10_000;
/** https://www.w3.org/TR/trace-context/#traceparent-header */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

interface Origin {
  /** Where the approval ended in this process. */
  readonly approval?: SpanContext | undefined;
  readonly call?: SpanContext | undefined;
}

type EndedApproval = Pick<Task, 'taskId' | 'traceparent' | 'createdAtMs' | 'updatedAtMs'>;

interface EnteredRun {
  /** Tells it from other runs. */
  readonly run: string;
  readonly toolName: string;
  readonly taskId: string | undefined;
}

/** The spans of guarded calls. */
export class Spans {
  readonly #trace: OtelApi['trace'];
  /** What the runs of approved calls are linked to, by task. */
  readonly #origins = new LruMap<string, Origin>(MAX_KEPT);
  readonly #runs = new LruMap<string, OtelSpan>(MAX_KEPT);

  constructor(trace: OtelApi['trace']) {
    this.#trace = trace;
  }

  /** `undefined` as long as no SDK is registered. */
  tracer(): OtelTracer | undefined {
    const provider = this.#trace.getTracerProvider();
    return provider.getDelegateTracer === undefined ? provider.getTracer(SCOPE, VERSION) : provider.getDelegateTracer(SCOPE, VERSION);
  }

  /** What runs now, to be linked from another process. */
  traceparent(): string | undefined {
    const context = this.#trace.getActiveSpan()?.spanContext();
    if (context === undefined) return undefined;
    const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
    const text = `00-${context.traceId}-${context.spanId}-${flags}`;
    return TRACEPARENT.test(text) ? text : undefined;
  }

  /** A decision that took so long, and is made. */
  decided(tracer: OtelTracer, endMs: number, durationMs: number, attributes: Attributes): void {
    tracer.startSpan(SPANS.decide, { kind: KIND_INTERNAL, startTime: endMs - durationMs, attributes }).end(endMs);
  }

  /** An approval that was asked for by the call of that traceparent, and could start or was over. */
  approvalEnded(tracer: OtelTracer, task: EndedApproval, attributes: Attributes): void {
    const { taskId, traceparent, createdAtMs, updatedAtMs } = task;
    const call = parseTraceparent(traceparent);
    const span = tracer.startSpan(SPANS.approval, {
      kind: KIND_INTERNAL,
      root: true,
      startTime: createdAtMs,
      attributes,
      links: call === undefined ? [] : [link(call, 'call')],
    });
    span.end(Math.max(createdAtMs, updatedAtMs));
    this.#origins.set(taskId, { approval: span.spanContext(), call });
  }

  /** A task whose approval ended elsewhere, or whose claim was given back, may run here: its run is linked to its call at least. */
  knowsTask(taskId: string, traceparent: string | undefined): void {
    if (this.#origins.get(taskId) === undefined) this.#origins.set(taskId, { call: parseTraceparent(traceparent) });
  }

  entering(tracer: OtelTracer, { run, toolName, taskId }: EnteredRun, attributes: Attributes): void {
    const { approval, call } = (taskId === undefined ? undefined : this.#origins.get(taskId)) ?? {};
    const links = [...(approval === undefined ? [] : [link(approval, 'approval')]), ...(call === undefined ? [] : [link(call, 'call')])];
    this.#runs.set(run, tracer.startSpan(`${SPANS.run} ${toolName}`, { kind: KIND_INTERNAL, attributes, links }));
  }

  settled(run: string, taskId: string | undefined, outcome: string): void {
    if (taskId !== undefined) this.#origins.delete(taskId);
    const span = this.#runs.get(run);
    if (span === undefined) return;
    this.#runs.delete(run);
    span.setAttribute(ATTRIBUTES.outcome, outcome);
    if (outcome !== 'completed') {
      span.setAttribute(ATTRIBUTES.errorType, outcome);
      span.setStatus({ code: STATUS_ERROR });
    }
    span.end();
  }
}

function link(context: SpanContext, to: 'call' | 'approval'): { context: SpanContext; attributes: Attributes } {
  return { context, attributes: { [ATTRIBUTES.link]: to } };
}

/** What a store gave back is not believed without a look. */
function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(text ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}
