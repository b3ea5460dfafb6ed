import { didYouMean } from '../../common/didYouMean.js';
import type { HaltScope } from '../../model/halt/Halt.js';

/** What a configuration names. A list without a name says nothing: programs may name their agents, tools and groups themselves. */
export interface KnownNames {
  readonly agents: readonly string[];
  readonly tools: readonly string[];
  readonly groups: readonly string[];
}

/** What may name agents, tools and groups. */
export interface NamingConfig {
  readonly agents?: Readonly<Record<string, unknown>> | undefined;
  readonly tools?: Readonly<Record<string, { readonly groups?: readonly string[] | undefined }>> | undefined;
}

/** What a configuration names. */
export function knownNames({ agents = {}, tools = {} }: NamingConfig): KnownNames {
  const groups = Object.values(tools).flatMap((tool) => tool.groups ?? []);
  return { agents: Object.keys(agents), tools: Object.keys(tools), groups: [...new Set(groups)] };
}

/**
 * What of the scope of a halt the configuration does not name, a sentence each. It is halted all the same: what is known here may not be all that there is, and a
 * halt must not fail over a name.
 */
export function unknownInScope({ agentId, toolName, group }: HaltScope, { agents, tools, groups }: KnownNames): readonly string[] {
  return (
    [
      ['agent', agentId, agents],
      ['tool', toolName, tools],
      ['group', group, groups],
    ] as const
  ).flatMap(([what, name, known]) => {
    if (name === undefined || known.length === 0 || known.includes(name)) return [];
    const meant = didYouMean(name, known);
    return [`No ${what} '${name}' is configured here${meant === '' ? '.' : meant} It is halted all the same.`];
  });
}
