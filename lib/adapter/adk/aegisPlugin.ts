import { ADAPTER_OPTIONS, UNGUARDABLE } from '../tool/AdapterOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { ToolGuard } from '../tool/ToolGuard.js';
import type { AdkCallback, AdkContext, AdkHooks, AdkInvocation, AdkOptions, AdkResult, AdkTool } from './AdkOptions.js';
import { approvalResponses } from './approval.js';
import type { AdkEvent } from './approval.js';
import { adkResult, FRAMEWORK, guardingCallback, guardTool } from './guardTool.js';

type Plugin = abstract new (name: string) => object;
type ContextOf<B extends Plugin> = InstanceType<B> extends { beforeToolCallback(call: { toolContext: infer C }): unknown } ? C : AdkContext;

const OPTIONS: OptionKinds<AdkOptions<unknown>> = { ...ADAPTER_OPTIONS, name: 'text', unguardable: UNGUARDABLE };

/**
 * Makes a plugin for Google's ADK that guards every tool that the agents of a Runner call, those of sub-agents too. The guard itself runs the tool, with exactly
 * what was decided. An agent's own `beforeToolCallback` runs before the decision; other plugins must come before this one. A call that needs a person asks
 * for the ADK's own confirmation; once the person has confirmed, the tool runs if, and only if, the approval desk has approved exactly this call.
 *
 * @param BasePlugin the class of that name from the ADK
 * @returns a plugin class, whose constructor takes the {@link AdkOptions}
 * @example const AegisPlugin = aegisPlugin(BasePlugin);
 * new Runner({ plugins: [new AegisPlugin({ agentId: 'support' })], … });
 */
export function aegisPlugin<B extends Plugin>(BasePlugin: B): new (options?: AdkOptions<ContextOf<B>>) => InstanceType<B> & AdkHooks {
  const Base = BasePlugin as unknown as new (name: string) => object;
  class AegisPlugin extends Base {
    readonly beforeTool: AdkCallback;
    readonly #guard: ToolGuard<AdkContext>;
    constructor(options: AdkOptions = {}) {
      super(options.name ?? 'aegis');
      this.#guard = new ToolGuard<AdkContext>(FRAMEWORK, options, true, OPTIONS);
      this.beforeTool = guardingCallback(this.#guard);
    }

    async beforeToolCallback(call: { tool: AdkTool; toolArgs: AdkResult; toolContext: AdkContext }): Promise<AdkResult> {
      const { tool, toolArgs: args, toolContext: context } = call;
      // once a plugin has answered, the ADK calls no other callback
      for (const callback of (context.invocationContext as AdkInvocation).agent?.canonicalBeforeToolCallbacks ?? []) {
        const answer = callback === this.beforeTool ? undefined : await callback({ tool, args, context });
        if (answer) return adkResult(answer);
      }
      return guardTool(this.#guard, { tool, args, context }, true);
    }

    async onEventCallback({ event }: { event: AdkEvent }): Promise<object | undefined> {
      const responses = approvalResponses(event);
      return responses.length === 0
        ? undefined
        : { ...event, content: { ...event.content, parts: [...(event.content?.parts ?? []), ...responses] } };
    }
  }
  return AegisPlugin as never;
}
