import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { DataPoint, Histogram } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { ATTRIBUTES, instrument, METRICS, SPANS } from '../../../lib/adapter/otel/index.js';
import type { InstrumentationOptions, OtelApi } from '../../../lib/adapter/otel/index.js';
import { AegisModule, guard, isPending } from '../../../lib/index.js';
import type { PendingApproval } from '../../../lib/index.js';
import { ConfigError } from '../../../lib/model/errors/SetupErrors.js';
import { diagnosed } from '../../support/diagnosed.js';
import { rejection } from '../../support/rejection.js';

const POLICIES = `
  @id("all") permit (principal, action, resource);
  @id("no") forbid (principal, action == Aegis::Action::"drop", resource);
  @id("ask") @effect("approval_needed") @reason("CANARY-REASON") forbid (principal, action == Aegis::Action::"refund", resource);`;

interface Scene {
  readonly aegis: AegisModule;
  readonly lookup: (text: string) => Promise<string>;
  readonly drop: (text: string) => Promise<string>;
  readonly refund: (cents: number) => Promise<string | PendingApproval<string>>;
  readonly fail: (text: string) => Promise<string>;
}

describe('instrument()', () => {
  let spans: InMemorySpanExporter;
  let points: InMemoryMetricExporter;
  let reader: PeriodicExportingMetricReader;
  let scenes: AegisModule[] = [];

  function register(): void {
    spans = new InMemorySpanExporter();
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
    points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    reader = new PeriodicExportingMetricReader({ exporter: points, exportIntervalMillis: 3_600_000 });
    api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  }

  function unregister(): void {
    api.trace.disable();
    api.metrics.disable();
    api.context.disable();
  }

  beforeEach(() => register());
  afterEach(async () => {
    await Promise.all(scenes.map((aegis) => aegis.close()));
    scenes = [];
    await reader.shutdown();
    unregister();
  });

  function scene(options: InstrumentationOptions = {}): Scene {
    const aegis = AegisModule.create({
      agentId: 'CANARY-AGENT',
      policies: { text: POLICIES },
      journal: instrument({ api: api as unknown as OtelApi, ...options }),
    });
    scenes.push(aegis);
    const tool = <A, R>(toolName: string, fn: (a: A) => Promise<R>, name: string) =>
      guard(fn, { toolName, params: [name], module: aegis } as never) as unknown as (a: A) => Promise<R>;
    return {
      aegis,
      lookup: tool('lookup', async (text: string) => text, 'text'),
      drop: tool('drop', async (text: string) => text, 'text'),
      refund: guard(async (cents: number) => `refunded ${cents}`, {
        toolName: 'refund',
        params: ['cents'],
        approval: 'defer',
        module: aegis,
      } as never) as unknown as Scene['refund'],
      fail: tool('fail', async (text: string): Promise<string> => Promise.reject(new Error(text)), 'text'),
    };
  }

  const named = (name: string): ReadableSpan[] => spans.getFinishedSpans().filter((span) => span.name === name);

  async function measured(name: string): Promise<readonly DataPoint<number | Histogram>[]> {
    points.reset();
    await reader.forceFlush();
    const all = points.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    return all
      .filter(({ descriptor }) => descriptor.name === name)
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<number | Histogram>[]);
  }

  async function pendingOf(call: Promise<string | PendingApproval<string>>): Promise<PendingApproval<string>> {
    const outcome = await call;
    if (!isPending(outcome)) throw new Error('the call did not wait for a person');
    return outcome as PendingApproval<string>;
  }

  async function approve({ aegis }: Scene, pending: PendingApproval<string>): Promise<string> {
    const { decisionId, digest } = (await aegis.tasks.getTask(pending.taskId)) as { decisionId: string; digest: string };
    await aegis.approvals.approve(decisionId, { by: 'CANARY-PERSON', digest });
    return pending.completed;
  }

  it('makes a span for each decision, in the trace of its caller, as long as it took', async () => {
    const { lookup, drop } = scene();
    const tracer = api.trace.getTracer('spec');
    await tracer.startActiveSpan('turn', async (turn) => {
      await lookup('x');
      await rejection(drop('x'));
      turn.end();
    });
    const [turn] = named('turn');
    const decided = named(SPANS.decide);
    expect(decided.map(({ attributes }) => [attributes[ATTRIBUTES.tool], attributes[ATTRIBUTES.effect]])).to.deep.equal([
      ['lookup', 'allow'],
      ['drop', 'deny'],
    ]);
    for (const span of decided) {
      expect(span.parentSpanContext?.spanId).to.equal(turn?.spanContext().spanId);
      expect(span.attributes[ATTRIBUTES.decisionId]).to.be.a('string');
      expect(span.duration[0]).to.equal(0);
    }
    expect(named(`${SPANS.run} lookup`)).to.have.length(0);
  });

  it('makes a trace for each approval, linked to its call, and links the run to both', async () => {
    const own = scene({ spans: 'tools' });
    const tracer = api.trace.getTracer('spec');
    const pending = await tracer.startActiveSpan('turn', async (turn) => {
      const outcome = await pendingOf(own.refund(250));
      turn.end();
      return outcome;
    });
    expect(await approve(own, pending)).to.equal('refunded 250');
    const [turn] = named('turn');
    const [approval, ...more] = named(SPANS.approval);
    const [run] = named(`${SPANS.run} refund`);
    expect(more).to.have.length(0);
    expect(approval?.parentSpanContext).to.equal(undefined);
    expect(approval?.spanContext().traceId).to.not.equal(turn?.spanContext().traceId);
    expect(approval?.attributes[ATTRIBUTES.outcome]).to.equal('approved');
    expect(approval?.links.map(({ context }) => context.spanId)).to.deep.equal([turn?.spanContext().spanId]);
    expect(run?.links.map(({ context, attributes }) => [attributes?.[ATTRIBUTES.link], context.spanId])).to.deep.equal([
      ['approval', approval?.spanContext().spanId],
      ['call', turn?.spanContext().spanId],
    ]);
    expect(run?.attributes[ATTRIBUTES.outcome]).to.equal('completed');
  });

  it('ends the span of an approval that is refused or taken back, with its outcome', async () => {
    const own = scene();
    const refused = await pendingOf(own.refund(1));
    const { decisionId, digest } = (await own.aegis.tasks.getTask(refused.taskId)) as { decisionId: string; digest: string };
    await own.aegis.approvals.deny(decisionId, { by: 'ann', digest });
    await rejection(refused.completed);
    const taken = await pendingOf(own.refund(2));
    await taken.cancel();
    await rejection(taken.completed);
    expect(named(SPANS.approval).map(({ attributes }) => attributes[ATTRIBUTES.outcome])).to.deep.equal(['denied', 'cancelled']);
  });

  it('says of a run that failed that it failed', async () => {
    const { fail } = scene({ spans: 'tools' });
    await rejection(fail('CANARY-ERROR'));
    const [run] = named(`${SPANS.run} fail`);
    expect(run?.status.code).to.equal(api.SpanStatusCode.ERROR);
    expect(run?.attributes[ATTRIBUTES.errorType]).to.equal('failed');
  });

  it('measures decisions, approvals, runs and how long they took', async () => {
    const own = scene({ pending: async () => (await own.aegis.tasks.getStats()).pending });
    await own.lookup('a');
    await own.lookup('b');
    await rejection(own.drop('c'));
    await rejection(own.fail('d'));
    await approve(own, await pendingOf(own.refund(1)));
    await pendingOf(own.refund(2));
    const values = async (name: string): Promise<Readonly<Record<string, unknown>>> =>
      Object.fromEntries((await measured(name)).map(({ attributes, value }) => [Object.values(attributes).join(' '), value]));
    expect(await values(METRICS.decisions.name)).to.deep.equal({
      'allow lookup': 2,
      'deny drop': 1,
      'allow fail': 1,
      'approval_needed refund': 2,
      'allow refund': 1,
    });
    expect(await values(METRICS.approvals.name)).to.deep.equal({ 'opened refund': 2, 'approved refund': 1 });
    expect(await values(METRICS.executions.name)).to.deep.equal({
      'completed lookup false': 2,
      'failed fail false': 1,
      'completed refund true': 1,
    });
    expect(await values(METRICS.pending.name)).to.deep.equal({ '': 1 });
    const counts = async (name: string): Promise<number> =>
      (await measured(name)).reduce((sum, { value }) => sum + (value as Histogram).count, 0);
    expect(await counts(METRICS.decisionDuration.name)).to.equal(7);
    expect(await counts(METRICS.approvalWait.name)).to.equal(1);
    expect(await counts(METRICS.executionDuration.name)).to.equal(4);
  });

  it('measures with an SDK that is registered after the module was set up, and leaves one that is gone alone', async () => {
    unregister();
    const { lookup } = scene();
    await lookup('nobody counts');
    register();
    await lookup('x');
    expect(await measured(METRICS.decisions.name)).to.have.length(1);
    expect(named(SPANS.decide)).to.have.length(1);
    unregister();
    expect(await lookup('x')).to.equal('x');
  });

  it('counts the 501st tool and all after it together', async () => {
    const { aegis } = scene({ spans: 'off' });
    for (let i = 0; i < 510; i++) await guard(async () => i, { toolName: `tool-${i}`, params: [], module: aegis } as never)();
    const counted = await measured(METRICS.decisions.name);
    expect(counted).to.have.length(501);
    expect(counted.find(({ attributes }) => attributes[ATTRIBUTES.tool] === 'other')?.value).to.equal(10);
  });

  it('tells neither params, reasons, sessions, results, errors nor people; metrics tell no agent', async () => {
    const own = scene({ spans: 'tools' });
    await own.lookup('CANARY-PARAM');
    await rejection(own.drop('CANARY-PARAM'));
    await rejection(own.fail('CANARY-ERROR'));
    await approve(own, await pendingOf(own.refund(987_654)));
    const told = spans
      .getFinishedSpans()
      .map(({ name, attributes, events, status, links }) => ({ name, attributes, events, status, links }));
    expect(JSON.stringify(told).replaceAll('CANARY-AGENT', ''))
      .to.include('refund')
      .and.not.match(/CANARY|987654/);
    points.reset();
    await reader.forceFlush();
    expect(JSON.stringify(points.getMetrics().map(({ scopeMetrics }) => scopeMetrics)))
      .to.include('refund')
      .and.not.match(/CANARY|987654/);
  });

  it('reports a gauge that cannot be read, and goes on', async () => {
    scene({ pending: () => Promise.reject(new Error('no store')), auditQueue: () => 3 });
    const reported = await diagnosed(async () => {
      expect((await measured(METRICS.auditQueue.name)).map(({ value }) => value)).to.deep.equal([3]);
      expect(await measured(METRICS.pending.name)).to.have.length(0);
    });
    expect(JSON.stringify(reported)).to.include('gauge');
  });

  it('finds the package by itself, which shares its SDK with every other copy', async () => {
    const aegis = AegisModule.create({ agentId: 'a', policies: { text: POLICIES }, journal: instrument() });
    scenes.push(aegis);
    await guard(async () => 1, { toolName: 'lookup', params: [], module: aegis } as never)();
    expect(named(SPANS.decide)).to.have.length(1);
  });

  it('refuses options that do not exist', () => {
    expect(() => instrument({ span: 'off' } as never)).to.throw(ConfigError, "did you mean 'spans'");
    expect(() => instrument({ spans: 'all' } as never)).to.throw(ConfigError, 'spans');
  });
});
