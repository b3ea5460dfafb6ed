// Stands in for an OpenTelemetry collector: takes OTLP over HTTP as JSON on loopback, and keeps what it got.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Attribute {
  readonly key: string;
  /** Such as `{ stringValue: 'refund' }`. */
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

/** A span as OTLP has it; only what is shown here. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes?: readonly Attribute[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string; readonly attributes?: readonly Attribute[] }[];
}

interface ReceivedMetric {
  readonly name: string;
  readonly sum?: { readonly dataPoints: readonly { readonly asDouble?: number; readonly asInt?: string | number }[] };
}

interface Export {
  readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly ReceivedSpan[] }[] }[];
  readonly resourceMetrics?: readonly { readonly scopeMetrics: readonly { readonly metrics: readonly ReceivedMetric[] }[] }[];
}

export class Collector {
  readonly spans: ReceivedSpan[] = [];
  /** The sums of counters by name. */
  readonly counters = new Map<string, number>();
  readonly #server = createServer((request, response) => void this.#take(request, response));

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const told = JSON.parse(Buffer.concat(chunks).toString()) as Export;
    for (const { scopeSpans } of told.resourceSpans ?? []) for (const { spans } of scopeSpans) this.spans.push(...spans);
    const metrics = (told.resourceMetrics ?? []).flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    for (const { name, sum } of metrics) {
      const points = sum?.dataPoints.map((point) => Number(point.asDouble ?? point.asInt ?? 0));
      if (points !== undefined)
        this.counters.set(
          name,
          points.reduce((all, point) => all + point, 0),
        );
    }
    response.setHeader('content-type', 'application/json').end('{}');
  }
}

/** The value of an attribute, as text. */
export function attribute(attributes: readonly Attribute[] | undefined, name: string): string {
  const [value] = Object.values(attributes?.find(({ key }) => key === name)?.value ?? {});
  return value === undefined ? '' : String(value);
}
