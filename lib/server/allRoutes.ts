import { SteadyClock } from '../common/time/SteadyClock.js';
import { grantPageRoutes } from './govern/grantPageRoutes.js';
import { haltPageRoutes } from './govern/haltPageRoutes.js';
import { limitPageRoutes } from './govern/limitPageRoutes.js';
import { inboxRoutes } from './inbox/inboxRoutes.js';
import { momentOf } from './inbox/PageMoment.js';
import { policyPageRoutes } from './inbox/policyPageRoutes.js';
import { refusedVerdict } from './inbox/refusedVerdict.js';
import { refusedSettlement } from './inbox/unknownAnswer.js';
import { approvalRoutes } from './route/approvals.js';
import { assetRoutes } from './route/assets.js';
import { approvalUseRoutes } from './route/approvalUse.js';
import { decisionRoutes } from './route/decisions.js';
import { eventRoutes } from './route/events.js';
import type { EventRoutesOptions } from './route/events.js';
import { haltRoutes } from './route/govern/halts.js';
import { hostPeopleRoutes } from './route/hostPeople.js';
import { grantRoutes } from './route/govern/grants.js';
import { limitRoutes } from './route/govern/limits.js';
import { keyRoutes } from './route/keys.js';
import type { KeyRoutesOptions } from './route/keys.js';
import { metricRoutes } from './route/metrics.js';
import type { MetricRoutesOptions } from './route/metrics.js';
import { openApiRoute } from './route/openApi.js';
import { policyRoutes } from './route/policies.js';
import { probeRoutes } from './route/probes.js';
import type { ProbeRoutesOptions } from './route/probes.js';
import type { Route } from './route/Route.js';
import { unknownOutcomeRoutes } from './route/unknownOutcomes.js';
import { stagedPolicyRoutes } from './route/stagedPolicies.js';
import { verdictRoutes } from './route/verdicts.js';
import { issuerRoutes } from './signin/issuerRoutes.js';
import type { IssuerRoutesOptions } from './signin/issuerRoutes.js';
import { linkRoutes } from './signin/linkRoutes.js';
import { meRoutes } from './signin/meRoutes.js';
import { peopleRoutes } from './signin/peopleRoutes.js';
import { signinRoutes } from './signin/signinRoutes.js';

/** What all routes together need. */
export interface RoutesOptions extends ProbeRoutesOptions, MetricRoutesOptions, EventRoutesOptions, KeyRoutesOptions, IssuerRoutesOptions {
  readonly clock?: SteadyClock | undefined;
}

/** The table of routes of a Data Plane: what the server answers, its specs try and its OpenAPI document describes. */
export function allRoutes(given: RoutesOptions): readonly Route[] {
  const { clock = new SteadyClock() } = given;
  const options = { ...given, clock };
  const all: readonly Route[] = [
    ...decisionRoutes(options),
    ...approvalUseRoutes(options),
    ...approvalRoutes(),
    ...verdictRoutes({ ...options, refusedPage: (refused) => refusedVerdict(refused, momentOf(refused.input, clock, given.hubs)) }),
    ...unknownOutcomeRoutes({ refusedPage: (refused) => refusedSettlement(refused, clock.now()) }),
    ...policyRoutes(),
    ...stagedPolicyRoutes(),
    ...haltRoutes(),
    ...eventRoutes(options),
    ...grantRoutes({ now: () => clock.now() }),
    ...limitRoutes(),
    ...keyRoutes(options),
    ...hostPeopleRoutes(),
    ...probeRoutes(options),
    ...metricRoutes(options),
    ...signinRoutes(options),
    ...issuerRoutes(options),
    ...linkRoutes(options.doorway),
    ...meRoutes(options.doorway),
    ...peopleRoutes(options.doorway),
    ...assetRoutes(),
    ...inboxRoutes(options),
    ...policyPageRoutes(() => clock.now()),
    ...grantPageRoutes(options),
    ...limitPageRoutes(() => clock.now()),
    ...haltPageRoutes(() => clock.now()),
    openApiRoute(() => all),
  ];
  return all;
}
