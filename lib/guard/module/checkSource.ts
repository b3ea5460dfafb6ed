import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { AegisOptions, EmbeddedOptions, RemoteOptions } from './AegisOptions.js';
import { isRemote } from './environment.js';

/** Why an option does nothing without policies in this process. The compiler checks that none is forgotten. */
const EMBEDDED: Readonly<Record<Exclude<keyof EmbeddedOptions, 'policies'>, string>> = {
  watch: 'a Data Plane reloads its own policies',
  onLoosened: 'a Data Plane reloads its own policies',
  onReload: 'a Data Plane reloads its own policies',
  verify: 'only policies in this process are compiled',
  agents: 'a Data Plane knows its own agents',
  toolset: 'only policies in this process name it',
  facts: 'only policies in this process can use facts',
  factsTimeoutMs: 'only policies in this process can use facts',
  unattended: 'a Data Plane has its own approvers',
  approver: 'it decides approvals of policies in this process, and a Data Plane has its own approvers',
  approverGroups: 'a Data Plane has its own approvers',
  mayApprove: 'a Data Plane has its own approvers',
  directory: 'a Data Plane has its own approvers',
  requireRequester: 'a Data Plane has its own approvers',
  requireKnownRequester: 'a Data Plane has its own approvers',
  maxPendingPerTool: 'a Data Plane keeps its own approvals',
  denialTtlMs: 'a Data Plane keeps its own approvals',
  exposePolicies: 'a Data Plane decides itself what it shows',
  counters: 'a Data Plane counts the calls of limits itself',
  approvalStore: 'a Data Plane keeps its own approvals',
  stateKey: 'a Data Plane keeps its own approvals',
};

const NO_NETWORK = 'only a Data Plane is asked over the network';

/** Why an option does nothing without a Data Plane. */
const REMOTE: Readonly<Record<Exclude<keyof RemoteOptions, 'apiKey' | 'baseUrl'>, string>> = {
  timeoutMs: NO_NETWORK,
  retries: NO_NETWORK,
  userAgent: NO_NETWORK,
  allowInsecureHttp: NO_NETWORK,
  dataPlane: NO_NETWORK,
};

/** Checks that there is exactly one source of decisions, and that every option belongs to it. @throws ConfigError */
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
      message:
        'must be given, because nothing else says where decisions come from: a folder of policies, or an `apiKey` for a Data Plane (configure() also reads AEGIS_POLICIES and AEGIS_API_KEY), or a service of your own as `decisions`.',
    });
  }
  if (sources.length > 1)
    problems.push({ where: sources.join(', '), message: 'are several sources of decisions, but a module has one; leave out all but one.' });
  if (options.policies === undefined) problems.push(...without('policies', EMBEDDED, options));
  if (!isRemote(options)) problems.push(...without('an apiKey', REMOTE, options));
  if (problems.length > 0) throw new ConfigError(problems);
}

/** An option that does nothing is refused: its author believes that it does something. */
function without(source: string, table: Readonly<Record<string, string>>, options: AegisOptions): ConfigProblem[] {
  return Object.entries(table)
    .filter(([name]) => options[name as keyof AegisOptions] !== undefined)
    .map(([where, why]) => ({ where, message: `does nothing without ${source}, because ${why}; leave it out.` }));
}
