import { ConfigError, type ConfigProblem } from '../../model/errors/SetupErrors.js';
import { AGENT, ROLE } from '../parse/scope.js';
import { EMPTY_RECORD, EntityValue, wellFormed } from '../value/Value.js';
import type { Entity } from '../value/EntityGraph.js';
import { readRecord } from '../value/readValue.js';
import { readOptions } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** What the program says about an agent. */
export interface AgentConfig {
  /** Its `Aegis::Role`s. @defaultValue none */
  readonly roles?: readonly string[] | undefined;
  /** Its attributes, `principal.x` in policies. Must be plain data. @defaultValue none */
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
}

const AGENT_CONFIG: OptionKinds<AgentConfig> = { roles: 'any', attributes: 'any' };

/** The agents as Cedar entities. They are made once, from the program's configuration only, never from a call. */
export class AgentDirectory {
  readonly #agents = new Map<string, Entity>();

  /** @throws ConfigError for attributes that have no Cedar form, and ids that are equal in Cedar */
  constructor(agents: Readonly<Record<string, AgentConfig>> = {}) {
    const problems: ConfigProblem[] = [];
    for (const [name, config] of Object.entries(agents)) {
      const id = wellFormed(name);
      const { roles = [], attributes = {} } = readOptions<AgentConfig>(config, AGENT_CONFIG, (option, message) => {
        problems.push({ where: option === '' ? `agents.${id}` : `agents.${id}.${option}`, message });
      });
      if (this.#agents.has(id))
        problems.push({
          where: `agents.${id}`,
          message: 'Another agent has the same id once lone surrogates are replaced. Give each agent an id of its own.',
        });
      try {
        const parents = [...new Set(roles.map(wellFormed))].map((role) => new EntityValue(ROLE, role));
        const read = readRecord(attributes, 'absent');
        if (read.holdsNull) throw new TypeError('a list holds null');
        this.#agents.set(id, { uid: new EntityValue(AGENT, id), attributes: read, parents });
      } catch {
        problems.push({
          where: `agents.${id}`,
          message:
            'The roles or attributes cannot be read. Roles must be strings, attributes plain data: JSON values without null in lists, Date or BigInt.',
        });
      }
    }
    if (problems.length > 0) throw new ConfigError(problems);
  }

  /** The agent's entity. An agent that is not configured has no roles and no attributes. */
  entityOf(agentId: string): Entity {
    const id = wellFormed(agentId);
    return this.#agents.get(id) ?? { uid: new EntityValue(AGENT, id), attributes: EMPTY_RECORD, parents: [] };
  }
}
