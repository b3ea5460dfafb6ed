// One process, several tenants: each has its own module, with its own policies, approvals and tasks. Nothing is shared or global.
import { AegisGuard, AegisModule, ForbiddenError, isPending, type Guarded } from 'aegislib';
import { show } from './show.js';

interface Tenant {
  readonly name: string;
  readonly aegis: AegisModule;
}

const tenants = {
  acme: tenant(
    'acme',
    `@id("allow-exports")
     permit (principal, action == Aegis::Action::"export", resource);

     @id("big-exports") @effect("approval_needed") @reason("acme wants a person for more than 100 rows")
     forbid (principal, action == Aegis::Action::"export", resource)
     when { context.input.rows > 100 };`,
  ),
  globex: tenant(
    'globex',
    `@id("allow-small-exports")
     permit (principal, action == Aegis::Action::"export", resource)
     when { context.input.rows <= 500 };`,
  ),
};

class Exports {
  readonly tenant: Tenant;

  constructor(tenant: Tenant) {
    this.tenant = tenant;
  }

  @AegisGuard({ toolName: 'export', agentId: 'export-agent', module: (self) => self.tenant.aegis })
  async run(request: { rows: number }): Promise<Guarded<string>> {
    return `${this.tenant.name}: exported ${request.rows} rows`;
  }
}

for (const one of Object.values(tenants)) {
  const exporter = new Exports(one);
  for (const rows of [50, 300, 5000]) {
    try {
      const result = await exporter.run({ rows });
      if (isPending(result)) show('pending', 'cyan', `${one.name}: ${result.message}`);
      else show('ran', 'green', result);
    } catch (error) {
      if (!(error instanceof ForbiddenError)) throw error;
      show('deny', 'red', `${one.name}: ${error.message}`);
    }
  }
}

for (const { name, aegis } of Object.values(tenants)) {
  const { pending, total } = await aegis.tasks.getStats();
  show('stats', 'gray', `${name}: ${pending} pending of ${total} tasks`);
  await aegis.close(); // pending approvals end with their module
}

function tenant(name: string, text: string): Tenant {
  // create() sets no global module and reads no environment
  return { name, aegis: AegisModule.create({ policies: { text } }) };
}
