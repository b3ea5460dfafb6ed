// The part of @opentelemetry/api 1.x that is used here, as structural types: the package is optional, and types of it in our declarations would make it a must.

/** What an attribute may be. */
export type AttributeValue = string | number | boolean;

/** The identity of a span. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean | undefined;
}

/** A span that is recorded. */
export interface OtelSpan {
  spanContext(): SpanContext;
  setAttribute(name: string, value: AttributeValue): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(endTime?: number): void;
}

/** How a span starts. Times are epoch milliseconds. */
export interface SpanStart {
  readonly kind?: number;
  readonly root?: boolean;
  readonly startTime?: number;
  readonly attributes?: Record<string, AttributeValue>;
  readonly links?: { readonly context: SpanContext; readonly attributes?: Record<string, AttributeValue> }[];
}

/** Makes spans. */
export interface OtelTracer {
  startSpan(name: string, options?: SpanStart): OtelSpan;
}

/** Measures. */
export interface OtelCounter {
  add(value: number, attributes?: Record<string, AttributeValue>): void;
}

/** Measures a distribution. */
export interface OtelHistogram {
  record(value: number, attributes?: Record<string, AttributeValue>): void;
}

/** A gauge that is read at each export. */
export interface OtelObservableGauge {
  addCallback(callback: (result: { observe(value: number): void }) => void | Promise<void>): void;
}

/** What describes an instrument. */
export interface InstrumentOptions {
  /** The unit, after UCUM. */
  readonly unit?: string;
  /** What it measures. */
  readonly description?: string;
  /** What an SDK may do with it. */
  readonly advice?: { readonly explicitBucketBoundaries?: number[] };
}

/** Makes instruments. */
export interface OtelMeter {
  createCounter(name: string, options?: InstrumentOptions): OtelCounter;
  createHistogram(name: string, options?: InstrumentOptions): OtelHistogram;
  createObservableGauge(name: string, options?: InstrumentOptions): OtelObservableGauge;
}

/** Where tracers come from. */
export interface TracerProvider {
  getTracer(name: string, version?: string): OtelTracer;
  /** `undefined` as long as no SDK is registered. */
  getDelegateTracer?(name: string, version?: string): OtelTracer | undefined;
}

/** Where meters come from: another object once an SDK is registered. */
export interface MeterProvider {
  getMeter(name: string, version?: string): OtelMeter;
}

/** `@opentelemetry/api`: `import * as api from '@opentelemetry/api'`. */
export interface OtelApi {
  readonly trace: {
    getTracerProvider(): TracerProvider;
    getActiveSpan(): { spanContext(): SpanContext } | undefined;
  };
  readonly metrics: {
    getMeterProvider(): MeterProvider;
  };
  /** The meter that is there without an SDK. */
  createNoopMeter?(): OtelMeter;
}
