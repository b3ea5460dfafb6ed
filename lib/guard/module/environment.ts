import { isPlainObject } from '../../common/data/plainObject.js';
import { requiredOf } from '../../decision/remote/remoteSettings.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import type { AegisOptions } from './AegisOptions.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Draft = { -readonly [K in keyof AegisOptions]: AegisOptions[K] | undefined };

/** A program's options with the environment laid over them, and what is wrong with the environment. */
export interface EnvironmentResult {
  readonly options: AegisOptions;
  readonly problems: readonly ConfigProblem[];
  /** The variable that each option came from; an option inside another is named `a.b`. */
  readonly origins: ReadonlyMap<string, string>;
}

const YES = new Set(['true', '1', 'yes', 'on']);
const NO = new Set(['false', '0', 'no', 'off']);

/**
 * Lays the environment over a program's options: the environment wins, as in the Python SDK. It fills or overrides values of the program's source of
 * decisions, and never switches to another source. It names the source only where the program names none.
 */
export function applyEnvironment(options: AegisOptions, env: Environment): EnvironmentResult {
  const problems: ConfigProblem[] = [];
  const origins = new Map<string, string>();
  const draft: Draft = { ...options };
  const value = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const number = (name: string, factor: number): number | undefined => {
    const given = value(name);
    if (given === undefined) return undefined;
    const parsed = /^-?\d+(\.\d+)?$/.test(given.trim()) ? Number(given) * factor : undefined;
    if (parsed === undefined)
      problems.push({ where: name, message: `must be a number${name.endsWith('_S') ? ' of seconds' : ''}, such as 2 or 2.5.` });
    return parsed;
  };
  const flag = (name: string): boolean | undefined => {
    const given = value(name)?.trim().toLowerCase();
    if (given === undefined || YES.has(given)) return given === undefined ? undefined : true;
    if (!NO.has(given)) problems.push({ where: name, message: 'must be true, 1, yes or on, or false, 0, no or off.' });
    return false;
  };
  const set = <K extends keyof Draft>(key: K, name: string, given: Draft[K] | undefined): void => {
    if (given === undefined) return;
    draft[key] = given;
    origins.set(key, name);
  };

  const named = options.policies !== undefined || options.decisions !== undefined || isRemote(options);
  if (!named && value('AEGIS_POLICIES') !== undefined && value('AEGIS_API_KEY') !== undefined) {
    problems.push({
      where: 'AEGIS_POLICIES',
      message:
        'and AEGIS_API_KEY name two sources of decisions, but a module has one; unset one of them, or name the source in configure().',
    });
  }
  if (options.policies !== undefined || !named) set('policies', 'AEGIS_POLICIES', value('AEGIS_POLICIES'));
  if (draft.policies !== undefined) set('stateKey', 'AEGIS_STATE_KEY', value('AEGIS_STATE_KEY'));
  if (isRemote(options) || !named) set('apiKey', 'AEGIS_API_KEY', value('AEGIS_API_KEY'));
  if (isRemote(draft)) {
    set('baseUrl', 'AEGIS_BASE_URL', value('AEGIS_BASE_URL'));
    // what the program's own address demands, the environment's does not lower
    if (isLowered(options, draft.baseUrl)) draft.dataPlane = { require: requiredOf(options.baseUrl as string | URL) };
    set('timeoutMs', 'AEGIS_TIMEOUT_S', number('AEGIS_TIMEOUT_S', 1_000));
    set('retries', 'AEGIS_RETRIES', number('AEGIS_RETRIES', 1));
  }
  set('logLevel', 'AEGIS_LOG_LEVEL', value('AEGIS_LOG_LEVEL')?.trim().toLowerCase() as Draft['logLevel']);
  set('debug', 'AEGIS_DEBUG', flag('AEGIS_DEBUG'));
  const polling = {
    enabled: ['AEGIS_APPROVAL_POLLING_ENABLED', flag('AEGIS_APPROVAL_POLLING_ENABLED')],
    initialDelayMs: ['AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S', number('AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S', 1_000)],
    maxDelayMs: ['AEGIS_APPROVAL_POLLING_MAX_DELAY_S', number('AEGIS_APPROVAL_POLLING_MAX_DELAY_S', 1_000)],
    maxAttempts: ['AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS', number('AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS', 1)],
    jitterRatio: ['AEGIS_APPROVAL_POLLING_JITTER_RATIO', number('AEGIS_APPROVAL_POLLING_JITTER_RATIO', 1)],
  } as const;
  for (const [key, [name, given]] of Object.entries(polling)) {
    if (given === undefined) continue;
    draft.approvalPolling = { ...draft.approvalPolling, [key]: given };
    origins.set(`approvalPolling.${key}`, name);
  }
  return { options: draft as AegisOptions, problems, origins };
}

/** Whether options name a Data Plane. */
export function isRemote(options: { readonly apiKey?: unknown; readonly baseUrl?: unknown }): boolean {
  return options.apiKey !== undefined || options.baseUrl !== undefined;
}

function isLowered({ baseUrl, dataPlane = {} }: AegisOptions, now: string | URL | undefined): boolean {
  if (baseUrl === undefined || now === undefined || !isPlainObject(dataPlane) || dataPlane['require'] !== undefined) return false;
  return requiredOf(now).length < requiredOf(baseUrl).length;
}
