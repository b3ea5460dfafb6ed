import { isInScope } from '../../../model/halt/Halt.js';
import type { Halt } from '../../../model/halt/Halt.js';
import type { PageInput } from '../../decide/readerOf.js';

/** Finds the halt under which calls of an agent to a tool do not run now. */
export function haltOver({
  site,
  tenant,
}: Pick<PageInput, 'site' | 'tenant'>): (call: { readonly agentId: string; readonly toolName: string }) => Halt | undefined {
  return ({ agentId, toolName }) => {
    const call = { agentId, toolName, groups: tenant.tools.get(toolName)?.groups };
    return site.halted?.find(({ scope }) => isInScope(scope, call));
  };
}
