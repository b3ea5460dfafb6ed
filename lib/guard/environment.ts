import type { ConfigProblem } from '../model/errors/SetupErrors.js';
import type { AegisOptions } from './AegisOptions.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Draft = { -readonly [K in keyof AegisOptions]: AegisOptions[K] | undefined };

/** What the environment made of a program's options, and what is wrong with the environment. */
export interface EnvironmentResult {
  readonly options: AegisOptions;
  readonly problems: readonly ConfigProblem[];
}

const YES = new Set(['true', '1', 'yes', 'on']);
const NO = new Set(['false', '0', 'no', 'off']);

/**
 * Lays the environment over a program's options: it wins, as in the Python SDK. It fills or overrides values of the program's source of
 * decisions; it never switches from one source to another. Only where the program names no source at all does the environment name it.
 */
export function applyEnvironment(options: AegisOptions, env: Environment): EnvironmentResult {
  const problems: ConfigProblem[] = [];
  const draft: Draft = { ...options };
  const value = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const number = (name: string, factor: number): number | undefined => {
    const given = value(name);
    if (given === undefined) return undefined;
    const parsed = /^-?\d+(\.\d+)?$/.test(given.trim()) ? Number(given) * factor : NaN;
    if (Number.isNaN(parsed)) problems.push({ where: name, message: 'is no number.' });
    return parsed;
  };
  const flag = (name: string): boolean | undefined => {
    const given = value(name)?.trim().toLowerCase();
    if (given === undefined || YES.has(given)) return given === undefined ? undefined : true;
    if (!NO.has(given)) problems.push({ where: name, message: 'is true, 1, yes or on; or false, 0, no or off.' });
    return false;
  };
  const set = <K extends keyof Draft>(key: K, given: Draft[K] | undefined): void => {
    if (given !== undefined) draft[key] = given;
  };

  const named = options.policies !== undefined || options.decisions !== undefined || isRemote(options);
  if (!named && value('AEGIS_POLICIES') !== undefined && value('AEGIS_API_KEY') !== undefined) {
    problems.push({
      where: 'AEGIS_POLICIES',
      message: 'and AEGIS_API_KEY name two sources of decisions; keep one, or name one in configure().',
    });
  }
  if (options.policies !== undefined || !named) set('policies', value('AEGIS_POLICIES'));
  if (isRemote(options) || !named) {
    set('apiKey', value('AEGIS_API_KEY'));
    if (draft.apiKey !== undefined) {
      set('baseUrl', value('AEGIS_BASE_URL'));
      set('timeoutMs', number('AEGIS_TIMEOUT_S', 1_000));
      set('retries', number('AEGIS_RETRIES', 1));
    }
  }
  set('logLevel', value('AEGIS_LOG_LEVEL')?.trim().toLowerCase() as Draft['logLevel']);
  set('debug', flag('AEGIS_DEBUG'));
  const polling = {
    enabled: flag('AEGIS_APPROVAL_POLLING_ENABLED'),
    initialDelayMs: number('AEGIS_APPROVAL_POLLING_INITIAL_DELAY_S', 1_000),
    maxDelayMs: number('AEGIS_APPROVAL_POLLING_MAX_DELAY_S', 1_000),
    maxAttempts: number('AEGIS_APPROVAL_POLLING_MAX_ATTEMPTS', 1),
    jitterRatio: number('AEGIS_APPROVAL_POLLING_JITTER_RATIO', 1),
  };
  const given = Object.fromEntries(Object.entries(polling).filter(([, setting]) => setting !== undefined));
  if (Object.keys(given).length > 0) draft.approvalPolling = { ...options.approvalPolling, ...given };
  return { options: draft as AegisOptions, problems };
}

/** Whether a program named a Data Plane. */
export function isRemote(options: AegisOptions): boolean {
  return options.apiKey !== undefined || options.baseUrl !== undefined;
}
