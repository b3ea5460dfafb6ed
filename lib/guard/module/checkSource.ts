import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { AegisOptions, EmbeddedOptions, RemoteOptions } from './AegisOptions.js';
import { isRemote } from './environment.js';

/** Options that do something only with policies in this process; the compiler sees to it that none is forgotten. */
const EMBEDDED: Readonly<Record<Exclude<keyof EmbeddedOptions, 'policies'>, string>> = {
  watch: 'a Data Plane reloads its own policies.',
  onRemovedForbid: 'a Data Plane reloads its own policies.',
  onReload: 'a Data Plane reloads its own policies.',
  verify: 'only policies of this process are compiled.',
  agents: 'a Data Plane knows its own agents.',
  toolset: 'it is named in policies of this process.',
  facts: 'only policies of this process can ask for them.',
  factsTimeoutMs: 'only policies of this process can ask for facts.',
  unattended: 'a Data Plane has its own approvers.',
  approver: 'it decides approvals of policies in this process; a Data Plane has its own approvers.',
  approverGroups: 'a Data Plane has its own approvers.',
  mayApprove: 'a Data Plane has its own approvers.',
  requireRequester: 'a Data Plane has its own approvers.',
  maxPendingPerTool: 'a Data Plane keeps its own approvals.',
  denialTtlMs: 'a Data Plane keeps its own approvals.',
  exposePolicies: 'a Data Plane says itself what it shows.',
  approvalStore: 'a Data Plane keeps its own approvals.',
  stateKey: 'a Data Plane keeps its own approvals.',
};

/** Options that do something only with a Data Plane. */
const REMOTE: Readonly<Record<Exclude<keyof RemoteOptions, 'apiKey' | 'baseUrl'>, string>> = {
  timeoutMs: 'only a Data Plane is asked over the network.',
  retries: 'only a Data Plane is asked over the network.',
  userAgent: 'only a Data Plane is asked over the network.',
  allowInsecureHttp: 'only a Data Plane is asked over the network.',
};

/** @throws ConfigError unless there is exactly one source of decisions, and every option belongs to it */
export function checkSource(options: AegisOptions): void {
  const sources = [
    options.policies !== undefined ? 'policies' : undefined,
    isRemote(options) ? 'apiKey or baseUrl' : undefined,
    options.decisions !== undefined ? 'decisions' : undefined,
  ].filter((s) => s !== undefined);
  const problems: ConfigProblem[] = [];
  if (sources.length === 0) {
    problems.push({
      where: 'policies',
      message: 'is missing: give a folder of policies, an apiKey for a Data Plane, or a decision service as `decisions`.',
    });
  }
  if (sources.length > 1) problems.push({ where: sources.join(', '), message: 'are several sources of decisions; give one.' });
  if (options.policies === undefined) problems.push(...without('policies', EMBEDDED, options));
  if (!isRemote(options)) problems.push(...without('an apiKey', REMOTE, options));
  if (problems.length > 0) throw new ConfigError(problems);
}

/** An option that silently does nothing would be believed to do something. */
function without(source: string, table: Readonly<Record<string, string>>, options: AegisOptions): ConfigProblem[] {
  return Object.entries(table)
    .filter(([name]) => options[name as keyof AegisOptions] !== undefined)
    .map(([where, why]) => ({ where, message: `does nothing without ${source}: ${why} Leave it out.` }));
}
