// `aegislib/openai-agents`: guards the function tools of the OpenAI Agents SDK.
export { guardTools } from './guardTools.js';
export type { OpenAiAgentsOptions, OpenAiCallDetails, OpenAiContext, OpenAiTool } from './OpenAiTool.js';
export { rejectCall } from './rejectCall.js';
export type { OpenAiInterruption, OpenAiRunState } from './rejectCall.js';
export { tellRefusals } from './tellRefusals.js';
export type { AdapterApproval, AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';
