// What the compiler says of the adapter of Google's ADK: `npm test` compiles this and runs nothing.
import { AgentTool, BasePlugin, InMemorySessionService, LlmAgent, Runner } from '@google/adk';
import type { Context } from '@google/adk';
import { aegisPlugin } from 'aegislib/adk';

const AegisPlugin = aegisPlugin(BasePlugin);
const aegis = new AegisPlugin({
  agentId: ({ agentName }) => agentName,
  session: (context: Context) => ({ user_id: context.userId, plan: String(context.state.get('plan')) }),
});
export const plugin: BasePlugin = aegis;
const agent = new LlmAgent({ name: 'postman', beforeToolCallback: aegis.beforeTool });
const root = new LlmAgent({ name: 'mailer', tools: [new AgentTool({ agent })] });
export const runner = new Runner({ appName: 'mail', agent: root, plugins: [aegis], sessionService: new InMemorySessionService() });

// @ts-expect-error the context is the ADK's own
export const other = new AegisPlugin({ session: ({ toolUse }) => ({ user_id: toolUse }) });
// @ts-expect-error there is no such mode
export const mode = new AegisPlugin({ approval: 'perhaps' });
// @ts-expect-error no base class
aegisPlugin({});
