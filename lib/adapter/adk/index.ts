// `aegislib/adk`: guards the tools of Google's ADK.
export { aegisPlugin } from './aegisPlugin.js';
export type { AdkApproval } from './approval.js';
export type { ApprovalPayload } from '../tool/approvalPayload.js';
export type { AdkCall, AdkContext, AdkHooks, AdkOptions, AdkTool } from './AdkOptions.js';
export type { AdapterApproval, AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';
