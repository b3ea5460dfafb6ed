// Spans and metrics by OpenTelemetry: three calls of an agent, one of which waits for a person, exported to a stand-in for a collector.
// With a real one, set `url` to it: http://localhost:4318 is where collectors listen.
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { AegisModule, guard, isPending } from 'aegislib';
import { instrument } from 'aegislib/otel';
import { show } from '../show.js';
import { attribute, Collector } from './collector.js';

const collector = new Collector();
const url = await collector.listen();

// as a program sets OpenTelemetry up; `@opentelemetry/sdk-node` does it in one call
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const tracing = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))] });
trace.setGlobalTracerProvider(tracing);
const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics` }) });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

// this line is all that Aegis needs
const aegis = AegisModule.configure({
  agentId: 'support-agent',
  env: false,
  policies: {
    text: `
      @id("all") permit (principal, action, resource);
      @id("no-drops") @reason("tables are not dropped by agents") forbid (principal, action == Aegis::Action::"drop_table", resource);
      @id("refunds") @effect("approval_needed") @reason("refunds need a person") forbid (principal, action == Aegis::Action::"refund", resource);`,
  },
  journal: instrument({ spans: 'tools' }),
});

const lookup = guard(async (id: string) => `order ${id}`, { toolName: 'lookup', params: ['id'], approval: 'wait' });
const dropTable = guard(async (name: string) => `dropped ${name}`, { toolName: 'drop_table', params: ['name'], approval: 'wait' });
const refund = guard(async (cents: number) => `refunded ${cents}`, { toolName: 'refund', params: ['cents'] });

await trace.getTracer('support-agent').startActiveSpan('turn of the agent', async (turn) => {
  show('allowed', 'green', await lookup('o-17'));
  await dropTable('orders').catch((error: Error) => show('denied', 'red', error.message));
  const waiting = await refund(25_000);
  if (!isPending(waiting)) throw new Error('a refund must wait for a person');
  const [asked] = await aegis.approvals.list();
  await aegis.approvals.approve(waiting.decisionId, { by: 'ann', digest: asked?.digest ?? '' });
  show('approved', 'yellow', await waiting.completed);
  turn.end();
});

await aegis.close();
await tracing.forceFlush();
await reader.forceFlush();

for (const { name, traceId, attributes, links = [] } of collector.spans) {
  const details = [
    attribute(attributes, 'gen_ai.tool.name'),
    attribute(attributes, 'aegis.effect') || attribute(attributes, 'aegis.outcome'),
  ];
  const linked = links.map((link) => `${attribute(link.attributes, 'aegis.link')} ${link.traceId.slice(0, 4)}`);
  const told = [...details.filter((text) => text !== ''), ...(linked.length > 0 ? [`linked to ${linked.join(', ')}`] : [])];
  show('span', 'cyan', `${traceId.slice(0, 4)} ${name}${told.length > 0 ? `: ${told.join(', ')}` : ''}`);
}
for (const [name, sum] of collector.counters) show('counter', 'magenta', `${name} ${sum}`);

await reader.shutdown();
await tracing.shutdown();
collector.close();
