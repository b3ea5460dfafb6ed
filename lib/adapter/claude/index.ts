// `aegislib/claude`: hooks for the Claude Agent SDK.
export { aegisHooks } from './aegisHooks.js';
export type { ClaudeOptions } from './aegisHooks.js';
export type { ClaudeHook, ClaudeHookInput, ClaudeHookMatcher, ClaudeHookOutput } from './ClaudeHook.js';
export type { AdapterOptions } from '../tool/AdapterOptions.js';
