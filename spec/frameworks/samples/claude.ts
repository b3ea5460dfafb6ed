// The hooks of the Claude Agent SDK, called as its CLI calls them before it runs a tool. With the SDK they go into the options of query(); here a few lines replace
// the CLI, which takes 400 MB.
import { AegisModule } from 'aegislib';
import { aegisHooks } from 'aegislib/claude';
import type { ClaudeHookInput } from 'aegislib/claude';
import { POLICIES } from './policies.js';
import { show } from './show.js';

const aegis = AegisModule.configure({ policies: { text: POLICIES }, agentId: 'support-agent', env: false });

// query({ prompt, options: { hooks, … } })
const hooks = aegisHooks({
  toolName: (name) => name.replace('mcp__shop__', ''),
  session: ({ session_id }) => ({ chat: session_id }),
  approval: 'native',
});

interface Refund {
  readonly order: string;
  readonly amount: number;
  readonly note: string;
}

/** A tool of an MCP server. */
const refund = ({ order, amount, note }: Refund): string => `refunded ${amount} for ${order} (${note})`;

/** Does with a model's call what the CLI does: calls the hook, and runs the tool or not. */
async function callTool(toolUseId: string, input: Refund): Promise<string> {
  const call: ClaudeHookInput = {
    hook_event_name: 'PreToolUse',
    session_id: 'session-1',
    permission_mode: 'default',
    tool_name: 'mcp__shop__refund',
    tool_use_id: toolUseId,
    tool_input: input,
  };
  for (const { hooks: callbacks } of hooks.PreToolUse)
    for (const hook of callbacks) {
      const { hookSpecificOutput: said } = await hook(call, toolUseId, { signal: new AbortController().signal });
      if (said?.permissionDecision === 'deny') return `denied: ${said.permissionDecisionReason}`;
      if (said?.permissionDecision === 'defer') return `deferred: ${said.permissionDecisionReason}`;
      if (said?.updatedInput !== undefined) return refund(said.updatedInput as unknown as Refund);
    }
  return refund(input);
}

show('allow', await callTool('toolu_1', { order: 'order-1', amount: 20, note: 'late' }));
show('deny', await callTool('toolu_2', { order: 'order-2', amount: 5_000, note: 'angry' }));
show('sanitize', await callTool('toolu_3', { order: 'order-3', amount: 20, note: 'write to bob@example.com' }));

// a person has to decide: the query ends with `deferred_tool_use`, and continues with `resume` once the answer is there
const input: Refund = { order: 'order-4', amount: 250, note: 'broken' };
show('approval', await callTool('toolu_4', input));
for (const { decisionId, digest, toolName } of await aegis.approvals.list()) {
  await aegis.approvals.approve(decisionId, { by: 'ann', digest });
  show('person', `ann approves ${toolName}`);
}
show('approval', await callTool('toolu_4', input));
await aegis.close();
