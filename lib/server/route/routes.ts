import type { SteadyClock } from '../../common/time/SteadyClock.js';
import { approvalRoutes } from './approvals.js';
import { approvalUseRoutes } from './approvalUse.js';
import { decisionRoutes } from './decisions.js';
import { eventRoutes } from './events.js';
import type { EventRoutesOptions } from './events.js';
import { keyRoutes } from './keys.js';
import type { KeyRoutesOptions } from './keys.js';
import { metricRoutes } from './metrics.js';
import type { MetricRoutesOptions } from './metrics.js';
import { openApiRoute } from './openApi.js';
import { policyRoutes } from './policies.js';
import { probeRoutes } from './probes.js';
import type { ProbeRoutesOptions } from './probes.js';
import type { Route } from './Route.js';

/** What all routes together need. */
export interface RoutesOptions extends ProbeRoutesOptions, MetricRoutesOptions, EventRoutesOptions, KeyRoutesOptions {
  readonly clock?: SteadyClock | undefined;
}

/** The table of routes of a Data Plane: what the server answers, its specs try and its OpenAPI document describes. */
export function routes(options: RoutesOptions): readonly Route[] {
  const all: readonly Route[] = [
    ...decisionRoutes(),
    ...approvalUseRoutes(options),
    ...approvalRoutes(),
    ...policyRoutes(),
    ...eventRoutes(options),
    ...keyRoutes(options),
    ...probeRoutes(options),
    ...metricRoutes(options),
    openApiRoute(() => all),
  ];
  return all;
}
