// `aegislib/server`: the Data Plane, which decides and keeps approvals for many programs, over HTTP.
export { RouteServer } from './serve/RouteServer.js';
export { ServerMetrics } from './front/ServerMetrics.js';
export { openApi } from './route/openApi.js';
