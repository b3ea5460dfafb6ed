// What a call would do, before anyone says yes: the tool previews it, a policy demands that, and a preview that fails denies the call.
// Run: npm run samples -- preview
import { AegisGuard, AegisModule } from 'aegislib';
import { describeApproval } from 'aegislib/decision';
import { show } from './show.js';

const aegis = AegisModule.configure({
  agentId: 'ops-agent',
  policies: {
    text: `
      @id("allow-all")
      permit (principal, action, resource);

      @id("deletions")
      @effect("approval_needed")
      @reason("a person looks at deletions")
      @needs_preview("true")
      forbid (principal, action == Aegis::Action::"delete_orders", resource);
    `,
  },
});

class Orders {
  readonly #rows = new Map([['2024', 1204]]);

  @AegisGuard({
    toolName: 'delete_orders',
    params: ['year'],
    approval: 'wait',
    preview: (self: Orders, [year]) => self.count(year),
  })
  async delete(year: string): Promise<string> {
    const rows = this.#rows.get(year);
    this.#rows.delete(year);
    return `${rows} rows deleted`;
  }

  /** Only looks. */
  async count(year: string) {
    const rows = this.#rows.get(year);
    if (rows === undefined) throw new Error(`there are no orders of ${year}`);
    return {
      summary: `Deletes all orders of ${year}`,
      changes: [{ what: 'rows of orders', before: rows, after: 0 }],
      reversible: 'irreversible' as const,
    };
  }
}

aegis.approvals.on('requested', (request) => {
  const lines = describeApproval(request);
  const at = lines.findIndex((line) => line.startsWith('Preview'));
  for (const line of lines.slice(at, at + 3)) show('asked', 'yellow', line);
  void aegis.approvals.approve(request.decisionId, { by: 'rita', digest: request.digest });
});

const orders = new Orders();
show('ran', 'green', await orders.delete('2024'));
// no one is asked: there is nothing to show
await orders.delete('2023').catch((error: Error) => show('denied', 'red', error.message));
await aegis.close();
