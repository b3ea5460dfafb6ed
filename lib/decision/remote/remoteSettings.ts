import { isLoopbackHost } from '../../common/transport/loopback.js';
import type { Logger } from '../../common/Logger.js';
import { silentLogger } from '../../common/Logger.js';
import { SecretString } from '../../common/SecretString.js';
import { VERSION } from '../../common/version.js';
import { CAPABILITIES } from '../../model/Capability.js';
import type { Capability } from '../../model/Capability.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { readOptions } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';

/** What a program wants of its Data Plane. */
export interface DataPlaneRequirements {
  /**
   * What the Data Plane must be able to do: an answer of one that cannot denies the call, with `capability_missing`. `[]` for one that speaks the hosted
   * service's protocol and no more. No environment variable lowers it.
   *
   * @defaultValue none for the hosted service; `consume`, `begin`, `effective-digest`, `reevaluate` and `types` for every other address
   */
  readonly require?: readonly Capability[] | undefined;
}

/** How to reach a Data Plane. */
export interface RemoteDecisionServiceOptions {
  /** The tenant's key: printable ASCII without spaces. It is sent to `baseUrl` only and never shown. */
  readonly apiKey: SecretString | string;
  /**
   * An http(s) URL without credentials, query or fragment; a trailing `/` is dropped.
   *
   * @defaultValue `https://api.beta.aegissecurity.dev`
   */
  readonly baseUrl?: string | URL | undefined;
  /**
   * One deadline over all attempts of a request, from connecting to the last byte, in milliseconds: 100 … 30,000.
   *
   * @defaultValue 10,000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Attempts after the first, for decisions only (the scheduler repeats polls): 0 … 10.
   *
   * @defaultValue 2
   */
  readonly retries?: number | undefined;
  /**
   * The `User-Agent` header: 1 to 256 characters of printable ASCII.
   *
   * @defaultValue `aegis-typescript-sdk/<version>`
   */
  readonly userAgent?: string | undefined;
  /**
   * The largest answer that is accepted, in bytes after decompression: 1,024 … 67,108,864.
   *
   * @defaultValue 1,048,576
   */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Allows plain http to other machines, which reveals the key and all params to the network.
   *
   * @defaultValue false
   */
  readonly allowInsecureHttp?: boolean | undefined;
  /** What the Data Plane must be able to do. */
  readonly dataPlane?: DataPlaneRequirements | undefined;
  /**
   * Uniform in [0, 1), for jitter.
   *
   * @defaultValue Math.random
   */
  readonly random?: (() => number) | undefined;
  /**
   * Receives failed attempts (debug) and answers that look forged (warn), without params or key.
   *
   * @defaultValue none
   */
  readonly logger?: Logger | undefined;
}

/** `any` is checked further below. */
const REMOTE_OPTIONS: OptionKinds<RemoteDecisionServiceOptions> = {
  apiKey: 'any',
  baseUrl: 'any',
  timeoutMs: 'any',
  retries: 'any',
  userAgent: 'any',
  maxBodyBytes: 'any',
  allowInsecureHttp: 'boolean',
  dataPlane: 'any',
  random: 'function',
  logger: 'object',
};

/** The checked options, with their defaults. */
export interface RemoteSettings {
  readonly apiKey: SecretString;
  /** Without a trailing `/`. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly userAgent: string;
  readonly maxBodyBytes: number;
  readonly random: () => number;
  readonly logger: Logger;
  /** Whether it is the hosted service, which gets no more than its protocol has. */
  readonly hosted: boolean;
  readonly require: readonly Capability[];
}

/** The address of the hosted service. */
const HOSTED = 'https://api.beta.aegissecurity.dev';

/** What is demanded of every Data Plane but the hosted one. */
const REQUIRED: readonly Capability[] = ['consume', 'begin', 'effective-digest', 'reevaluate', 'types'];

/** What is demanded of the Data Plane at an address where its program does not say. */
export function requiredOf(baseUrl: string | URL): readonly Capability[] {
  const text = String(baseUrl);
  return URL.canParse(text) && addressOf(new URL(text)) === HOSTED ? [] : REQUIRED;
}

/** @throws ConfigError naming every invalid option and its fix, never a value */
export function remoteSettings(given: RemoteDecisionServiceOptions): RemoteSettings {
  const problems: ConfigProblem[] = [];
  const refuse = (where: string, message: string): void => void problems.push({ where, message });
  const options = readOptions<RemoteDecisionServiceOptions>(given, REMOTE_OPTIONS, (name, message) => refuse(name || 'options', message));
  const baseUrl = checkUrl(options.baseUrl ?? HOSTED, options.allowInsecureHttp === true, refuse);
  const settings: RemoteSettings = {
    apiKey: checkKey(options.apiKey, refuse),
    baseUrl,
    hosted: baseUrl === HOSTED,
    require: checkRequire(options.dataPlane, refuse) ?? requiredOf(baseUrl),
    timeoutMs: checkInteger('timeoutMs', options.timeoutMs ?? 10_000, 100, 30_000, refuse),
    retries: checkInteger('retries', options.retries ?? 2, 0, 10, refuse),
    userAgent: options.userAgent ?? `aegis-typescript-sdk/${VERSION}`,
    maxBodyBytes: checkInteger('maxBodyBytes', options.maxBodyBytes ?? 1_048_576, 1_024, 67_108_864, refuse),
    random: options.random ?? Math.random,
    logger: options.logger ?? silentLogger,
  };
  if (typeof settings.userAgent !== 'string' || !/^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(settings.userAgent)) {
    refuse('userAgent', 'must be 1 to 256 characters of printable ASCII, without spaces at its ends.');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/** A name that is not known would be a demand that is dropped. */
function checkRequire(dataPlane: unknown, refuse: Refuse): readonly Capability[] | undefined {
  if (dataPlane === undefined) return undefined;
  const { require } = readOptions<DataPlaneRequirements>(dataPlane as object, { require: 'any' }, (name, message) =>
    refuse(name === '' ? 'dataPlane' : `dataPlane.${name}`, message),
  );
  if (require === undefined) return undefined;
  if (Array.isArray(require) && require.every((name) => CAPABILITIES.includes(name))) return Object.freeze([...require]);
  refuse('dataPlane.require', `must be a list of ${CAPABILITIES.join(', ')}; [] for a service that speaks the hosted protocol only.`);
  return undefined;
}

type Refuse = (where: string, message: string) => void;

function checkKey(apiKey: unknown, refuse: Refuse): SecretString {
  const text = apiKey instanceof SecretString ? apiKey.reveal() : apiKey;
  if (typeof text !== 'string' || text === '') {
    refuse('apiKey', 'is missing; pass the key of your tenant, for example from AEGIS_API_KEY.');
    return new SecretString('');
  }
  if (!/^[\x21-\x7e]{1,4096}$/.test(text)) {
    refuse('apiKey', 'must be printable ASCII without spaces, at most 4,096 characters; look for a line break at its end.');
  }
  return new SecretString(text);
}

function checkInteger(where: string, value: number, least: number, most: number, refuse: Refuse): number {
  if (!Number.isInteger(value) || value < least || value > most) refuse(where, `must be a whole number from ${least} to ${most}.`);
  return value;
}

function checkUrl(value: string | URL, allowInsecureHttp: boolean, refuse: Refuse): string {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    refuse('baseUrl', 'is not a URL; write it in full, as in https://aegis.example.');
    return '';
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    refuse('baseUrl', 'must start with https:// or http://.');
  } else if (url.protocol === 'http:' && !allowInsecureHttp && !isLoopbackHost(url.hostname)) {
    refuse(
      'baseUrl',
      'is plain http to another machine, which reveals the key to the network; use https, or set allowInsecureHttp: true if you trust the network.',
    );
  }
  if (url.username !== '' || url.password !== '') refuse('baseUrl', 'must not contain credentials; pass the key as apiKey.');
  if (url.search !== '' || url.hash !== '') refuse('baseUrl', 'must have neither a query nor a fragment.');
  return addressOf(url);
}

function addressOf(url: URL): string {
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
