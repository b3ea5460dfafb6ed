// `aegislib/langchain`: guards the tools of LangChain and LangGraph.
export { aegisMiddleware } from './aegisMiddleware.js';
export type { LangChainMiddlewareOptions, LangChainRequest, WrapToolCall } from './aegisMiddleware.js';
export { guardTools } from './guardTools.js';
export type { LangChainTool, LangChainToolOptions } from './guardTools.js';
export type { LangChainCall, LangChainInterrupt, LangChainOptions, ToolMessageClass } from './LangChainGuard.js';
export type { AdapterApproval, AdapterOptions, OnUnguardable } from '../tool/AdapterOptions.js';
