// `aegislib/otel`: what is decided and run, as spans and metrics of OpenTelemetry.
export { instrument } from './instrument.js';
export type { InstrumentationOptions } from './instrument.js';
export { ATTRIBUTES, METRICS, SPANS } from './metrics.js';
export type {
  AttributeValue,
  InstrumentOptions,
  MeterProvider,
  OtelApi,
  OtelCounter,
  OtelHistogram,
  OtelMeter,
  OtelObservableGauge,
  OtelSpan,
  OtelTracer,
  SpanContext,
  SpanStart,
  TracerProvider,
} from './OtelApi.js';
