import { ApprovalScheduler } from '../../lib/approval/ApprovalScheduler.js';
import type { ConfigureOptions } from '../../lib/index.js';
import { AegisModule } from '../../lib/index.js';
import { answerDecision, dataPlaneStandIn, idOf, sendJson } from '../support/dataPlaneStandIn.js';
import type { DataPlaneStandIn } from '../support/dataPlaneStandIn.js';
import type { PortedId } from './inventory.js';

/** What the policies, here or at the Data Plane, say of a tool; a tool that is not named is allowed. */
export type Rules = Readonly<Record<string, 'deny' | 'sanitize' | 'approval_needed'>>;

/** What `sanitize` makes of the param `text`. */
export const MASKED = '[masked]';

/** Where decisions come from: policies in this process, or a Data Plane over HTTP. */
export interface World {
  readonly name: 'embedded' | 'data plane';
  /** The Data Plane, where there is one. */
  readonly plane: DataPlaneStandIn | undefined;
  /** The options that name this source of decisions. */
  readonly source: ConfigureOptions;
  /** Configures the program with this source. The environment is ignored unless `env` says otherwise. */
  configure(more?: ConfigureOptions): AegisModule;
  /** A person says yes, or no. */
  decide(decisionId: string, approve: boolean): Promise<void>;
}

interface OpenWorld extends World {
  close(): Promise<void>;
}

/** The shortest delay that there is between polls: a person of these specs answers at once. */
const scheduler: NonNullable<ConfigureOptions['scheduler']> = (parts) =>
  new ApprovalScheduler({ ...parts, polling: { ...parts.polling, initialDelayMs: 100, jitterRatio: 0 } });

function embedded(rules: Rules): OpenWorld {
  const policies = Object.entries(rules).map(([tool, effect], i) => {
    const head = `forbid (principal, action == Aegis::Action::${JSON.stringify(tool)}, resource)`;
    if (effect === 'deny') return `@id("deny-${i}") @reason("not permitted") ${head};`;
    if (effect === 'approval_needed') return `@id("ask-${i}") @effect("approval_needed") @reason("a person has to agree") ${head};`;
    return `@id("mask-${i}") @effect("sanitize") @sanitize("redact /text ${MASKED}") ${head} when { context.input.text != "${MASKED}" };`;
  });
  const source: ConfigureOptions = { policies: { text: ['@id("all") permit (principal, action, resource);', ...policies].join('\n') } };
  let aegis: AegisModule | undefined;
  return {
    name: 'embedded',
    plane: undefined,
    source,
    configure(more = {}) {
      return (aegis = AegisModule.configure({ env: false, ...source, ...more }));
    },
    async decide(decisionId, approve) {
      const record = await aegis?.approvals.get(decisionId);
      if (aegis === undefined || record === undefined) throw new Error('no such approval waits');
      await aegis.approvals[approve ? 'approve' : 'deny'](decisionId, { by: 'ann', digest: record.digest });
    },
    close: () => AegisModule.close(),
  };
}

async function dataPlane(rules: Rules): Promise<OpenWorld> {
  const verdicts = new Map<string, boolean>();
  const plane = await dataPlaneStandIn((request, reply) => {
    if (request.method === 'GET') {
      const decisionId = idOf(request);
      const verdict = verdicts.get(decisionId);
      const status =
        verdict === undefined ? { status: 'PENDING', effect: 'approval_needed' } : { status: 'OK', effect: verdict ? 'allow' : 'deny' };
      return sendJson(reply, { decision_id: decisionId, request_id: 'request', ...status });
    }
    const { tool } = JSON.parse(request.body) as { tool: { name: string } };
    const effect = rules[tool.name];
    if (effect === undefined) return answerDecision()(request, reply);
    if (effect === 'sanitize') return answerDecision({ effect, sanitize: { message: 'masked', params: { text: MASKED } } })(request, reply);
    return answerDecision({ effect, reason: effect === 'deny' ? 'not permitted' : 'a person has to agree' })(request, reply);
  });
  const source: ConfigureOptions = { apiKey: 'key-of-the-tenant', baseUrl: plane.url, dataPlane: { require: [] } };
  return {
    name: 'data plane',
    plane,
    source,
    configure: (more = {}) => AegisModule.configure({ env: false, scheduler, ...source, ...more }),
    async decide(decisionId, approve) {
      verdicts.set(decisionId, approve);
    },
    async close() {
      await AegisModule.close();
      await plane.close();
    },
  };
}

/** Specifies the counterpart of a code block or row: it does the same embedded and against a Data Plane. */
export function counterpart(id: PortedId, does: string, rules: Rules, body: (world: World) => Promise<void>): void {
  for (const [name, open] of [
    ['embedded', embedded],
    ['data plane', dataPlane],
  ] as const)
    it(`${id}: ${does} (${name})`, async () => {
      const saved = { ...process.env };
      for (const variable of Object.keys(process.env)) if (variable.startsWith('AEGIS_')) delete process.env[variable];
      const world = await open(rules);
      try {
        await body(world);
      } finally {
        await world.close();
        for (const variable of Object.keys(process.env)) if (variable.startsWith('AEGIS_')) delete process.env[variable];
        Object.assign(process.env, saved);
      }
    });
}
