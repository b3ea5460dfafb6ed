// What a reload needs, and nothing before it: loaded at the first one.
import { inSlices } from '../../common/time/inSlices.js';
import { CedarPolicyEngine, type CedarPolicyEngineOptions } from '../engine/CedarPolicyEngine.js';
import { type ParsedPolicies, parsingPolicies } from '../parse/parsePolicies.js';
import type { SourceText } from '../PolicySource.js';
import { findLoosened, type LoosenedPolicy } from './findLoosened.js';
import { parseInThread, type ThreadOptions } from './parseInThread.js';

/** How a reload is prepared. */
export interface PrepareOptions extends ThreadOptions {
  /** The engine's own options. */
  readonly engine: Omit<CedarPolicyEngineOptions, 'sources'>;
  /** Called where no thread can be started, so that this one parses, in slices. */
  readonly onNoThread: () => void;
}

/** Up to so many characters are parsed in slices: that takes 20 ms in all, and a thread 50 before it begins. */
const SMALL_SET = 16_384;

/**
 * Makes an engine without keeping this thread from its other work: another thread parses unless the set is small, and what remains
 * is done in slices of about 2 ms.
 *
 * @throws ConfigError as `CedarPolicyEngine.load`
 */
export async function prepareReload(sources: readonly SourceText[], options: PrepareOptions): Promise<CedarPolicyEngine> {
  return inSlices(CedarPolicyEngine.building(options.engine, await parse(sources, options)));
}

async function parse(sources: readonly SourceText[], options: PrepareOptions): Promise<ParsedPolicies> {
  const isSmall = sources.reduce((sum, { text }) => sum + text.length, 0) <= SMALL_SET;
  const parsed = isSmall ? undefined : await parseInThread(sources, options);
  if (parsed !== undefined) return parsed;
  if (!isSmall) options.onNoThread();
  return inSlices(parsingPolicies(sources));
}

/** {@link findLoosened} of two engines, in slices. */
export function loosenedBy(before: CedarPolicyEngine, after: CedarPolicyEngine): Promise<readonly LoosenedPolicy[]> {
  return inSlices(findLoosened(before.policies, after.policies));
}
