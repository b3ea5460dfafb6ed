import type { ServerMetrics, TenantGauges } from '../front/ServerMetrics.js';
import type { Route } from './Route.js';

/** What the route of metrics needs. */
export interface MetricRoutesOptions {
  /** `undefined` until they are loaded. */
  readonly metrics: () => ServerMetrics | undefined;
  readonly gauges: TenantGauges;
}

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** `GET /metrics`: for Prometheus. */
export function metricRoutes({ metrics, gauges }: MetricRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      name: 'metrics',
      summary: 'Counts what the server does, as text of Prometheus.',
      scope: 'metrics:read',
      answers: { 200: CONTENT_TYPE },
      async handle() {
        return { status: 200, headers: { 'content-type': CONTENT_TYPE }, body: await metrics()?.text(gauges) };
      },
    },
  ];
}
