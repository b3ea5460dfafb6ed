import { ConfigError, type ConfigProblem } from '../model/errors/SetupErrors.js';
import type { CedarEntity, CedarRecord, CedarUid } from './CedarValue.js';
import { AGENT, ROLE } from './checkScope.js';
import { toCedarRecord, wellFormed } from './toCedar.js';

/** What the host says about an agent. */
export interface AgentConfig {
  /** Its `Aegis::Role`s. */
  readonly roles?: readonly string[] | undefined;
  /** Its attributes, `principal.x` in policies: plain data. */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

const NO_ATTRIBUTES: CedarRecord = Object.freeze(Object.create(null) as CedarRecord);

/** The agents as Cedar entities: made once, from the host's configuration only, never from a call. */
export class AgentDirectory {
  readonly #agents = new Map<string, CedarEntity>();

  /** @throws ConfigError for attributes that have no Cedar form, and ids that are equal in Cedar */
  constructor(agents: Readonly<Record<string, AgentConfig>> = {}) {
    const problems: ConfigProblem[] = [];
    for (const [name, { roles = [], attributes = {} }] of Object.entries(agents)) {
      const id = wellFormed(name);
      if (this.#agents.has(id)) problems.push({ where: `agents.${id}`, message: 'Another agent has the same id in Cedar.' });
      try {
        const parents = [...new Set(roles.map(wellFormed))].map((role) => ({ type: ROLE, id: role }));
        this.#agents.set(id, { uid: { type: AGENT, id }, attrs: toCedarRecord(attributes), parents });
      } catch {
        problems.push({ where: `agents.${id}`, message: 'Roles are texts and attributes are plain data: JSON values, Date, BigInt.' });
      }
    }
    if (problems.length > 0) throw new ConfigError(problems);
  }

  /** The agent's entity; one that nobody configured has no roles and no attributes. */
  entityOf(agentId: string): CedarEntity & { readonly uid: CedarUid } {
    const id = wellFormed(agentId);
    return this.#agents.get(id) ?? { uid: { type: AGENT, id }, attrs: NO_ATTRIBUTES, parents: [] };
  }
}
