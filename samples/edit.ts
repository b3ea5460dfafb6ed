// Edit and approve: an agent asks for a refund of 250; a person makes it 200 and says yes. It runs with 200, and the agent's model is told.
import { AegisModule } from 'aegislib';
import { guardTools } from 'aegislib/anthropic';
import { show } from './show.js';

const aegis = AegisModule.configure({
  agentId: 'support-agent',
  policies: {
    text: `
      @id("all")
      permit (principal, action, resource);

      @id("refunds")
      @effect("approval_needed")
      @reason("a person decides refunds")
      @editable("/amount")
      @editor_may_approve("true")
      forbid (principal, action == Aegis::Action::"refund", resource);

      @id("cap")
      @reason("never more than 500")
      forbid (principal, action, resource) when { context.input.amount > 500 };
    `,
  },
  env: false,
});

// the tool as Anthropic's tool runner gets it
const [refund] = guardTools(
  [
    {
      name: 'refund',
      run: async ({ order, amount }: { order: string; amount: number }) => {
        show('method', 'green', `refunding ${amount} for ${order}`);
        return `${amount} refunded for ${order}`;
      },
    },
  ],
  { approval: 'wait' },
);

aegis.approvals.on('requested', ({ decisionId, digest, params }) => {
  show('rita', 'yellow', `is asked about ${JSON.stringify(params)}`);
  void decide(decisionId, digest);
});

async function decide(decisionId: string, digest: string): Promise<void> {
  // policies look at the edited call as if it had been called so
  const tooMuch = await aegis.approvals
    .previewEdit(decisionId, { by: 'rita', digest, set: { '/amount': 700 } })
    .catch((error: Error) => error);
  if (tooMuch instanceof Error) show('policies', 'red', tooMuch.message);
  const edit = { set: { '/amount': 200 } };
  const { changes } = await aegis.approvals.previewEdit(decisionId, { by: 'rita', digest, ...edit });
  for (const { pointer, before, after } of changes) show('rita', 'yellow', `changes ${pointer} from ${String(before)} to ${String(after)}`);
  await aegis.approvals.approve(decisionId, { by: 'rita', digest, edit, reason: 'the shipping was used' });
}

// as the runner calls it
type RunTool = (input: object, context: object) => Promise<unknown>;
const input = { order: 'order-7', amount: 250 };
const told: unknown = await (refund as { run: RunTool }).run(input, { toolUse: { id: 'toolu_1', name: 'refund', input } });
for (const line of String(told).split('\n')) show('model', 'cyan', line);

const [task] = await aegis.tasks.listTasks({ toolName: 'refund' });
show('task', 'gray', `${task?.status}, edited: ${task?.edited?.join(', ')}`);
await aegis.close();
