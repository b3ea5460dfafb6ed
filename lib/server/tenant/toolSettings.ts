import { readOptions } from '../../common/readOptions.js';
import type { OptionKinds } from '../../common/readOptions.js';
import { ConfigError } from '../../model/errors/SetupErrors.js';
import type { ConfigProblem } from '../../model/errors/SetupErrors.js';
import { TOOL_NAME } from '../../model/Params.js';
import type { ToolSettings } from './Tenant.js';

/** What a server knows of a tool, with nothing left out. */
export interface CheckedTool extends ToolSettings {
  readonly groups: readonly string[];
  readonly nullable: readonly string[];
}

const TOOL_OPTIONS: OptionKinds<ToolSettings> = { groups: 'strings', nullable: 'strings' };

/**
 * Reads what a server knows of its tools.
 *
 * @returns the settings by tool, copied, so that what the program changes later changes no decision
 * @throws ConfigError naming every problem
 */
export function toolSettings(tools: Readonly<Record<string, ToolSettings>> = {}): ReadonlyMap<string, CheckedTool> {
  const problems: ConfigProblem[] = [];
  const settings = new Map<string, CheckedTool>();
  for (const [name, given] of Object.entries(tools)) {
    const where = `tools['${TOOL_NAME.test(name) ? name : '…'}']`;
    const refuse = (key: string, message: string): void => {
      problems.push({ where: key === '' ? where : `${where}.${key}`, message });
    };
    if (!TOOL_NAME.test(name)) refuse('', 'is not the name of a tool: 1 to 128 letters, digits and _ . : / - are allowed.');
    const before = problems.length;
    const { groups = [], nullable = [] } = readOptions<ToolSettings>(given, TOOL_OPTIONS, refuse);
    // what has the wrong kind is kept, and named already
    if (problems.length > before) continue;
    if (groups.some((group) => !TOOL_NAME.test(group))) refuse('groups', 'must be names of 1 to 128 letters, digits and _ . : / -');
    if (nullable.some((at) => !isPointer(at)))
      refuse(
        'nullable',
        'must be JSON pointers of params that may be null, such as "/limit", "/filter/owner" or, for every item of a list, "/items/*/note".',
      );
    settings.set(name, Object.freeze({ groups: Object.freeze([...groups]), nullable: Object.freeze([...nullable]) }));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

function isPointer(at: string): boolean {
  return /^(?:\/(?:[^~/]|~[01])+)+$/.test(at);
}
