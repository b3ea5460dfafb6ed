import { RemoteDecisionService } from '../../../lib/decision/remote/RemoteDecisionService.js';
import { EventHubs } from '../../../lib/server/push/EventHubs.js';
import { approvalUseRoutes } from '../../../lib/server/route/approvalUse.js';
import { decisionRoutes } from '../../../lib/server/route/decisions.js';
import { eventRoutes } from '../../../lib/server/route/events.js';
import { behavesLikeDecisionService } from '../../decision/behavesLikeDecisionService.js';
import { callerWith, serve } from '../../support/serve.js';
import { tenantOf } from '../tenantSetup.js';

const SUITE = `
@id("all") permit (principal, action, resource);
@id("denied") @reason("not here") forbid (principal, action == Aegis::Action::"denied", resource);
@id("sanitized") @effect("sanitize") @sanitize("set /text \\"clean\\"")
forbid (principal, action == Aegis::Action::"sanitized", resource) when { context.input.text != "clean" };
@id("asked") @effect("approval_needed") @reason("a person decides")
forbid (principal, action, resource) when { action == Aegis::Action::"asked" || action == Aegis::Action::"asked.sanitized" };
@id("cleaned") @effect("sanitize") @sanitize("set /text \\"clean\\"")
forbid (principal, action == Aegis::Action::"asked.sanitized", resource) when { context.input.text != "clean" };
`;

behavesLikeDecisionService(
  'RemoteDecisionService at a server',
  ['statuses', 'watch', 'reevaluate', 'consume', 'begin', 'withdraw', 'expire', 'close'],
  async () => {
    const tenant = tenantOf({ policies: { text: SUITE } });
    const hubs = new EventHubs();
    const served = await serve({
      routes: [...decisionRoutes(), ...approvalUseRoutes(), ...eventRoutes({ hubs })],
      callers: { k: callerWith(['decide'], { sessionTrusted: true }) },
      tenants: [tenant],
      onDrain: () => hubs.close(),
    });
    return {
      service: new RemoteDecisionService({ apiKey: 'k', baseUrl: served.url }),
      async say(decisionId, verdict) {
        await tenant.desk[verdict](decisionId, { by: 'bob', digest: (await tenant.desk.get(decisionId))?.digest });
      },
      release: () => served.close(),
    };
  },
);
