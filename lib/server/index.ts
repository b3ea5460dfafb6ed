// `aegislib/server`: the Data Plane, which decides and keeps approvals for many programs, over HTTP.
export { createDataPlane } from './createDataPlane.js';
export type { CloseOptions, DataPlane, ListeningAt, SetupLink } from './createDataPlane.js';
export type { DataPlaneOptions, DataPlaneSettings, ModuleOptions, SingleTenantOptions, TenantsOptions } from './DataPlaneOptions.js';
export type { AutoHaltOptions } from '../decision/halt/AutoHalt.js';
export type { TenantOptions } from './tenant/buildTenant.js';
export type { IssuerOptions } from './tenant/IssuerOptions.js';
export type { Role } from './people/Person.js';
export type { ToolSettings } from './tenant/Tenant.js';
export type { MailOptions, NotifyOptions, SlackOptions, WebhookOptions } from './notify/NotifyOptions.js';
export type { AnsweredRequest, BeforeAnswer } from './dispatch/AnswerBatch.js';
export type { FetchHandler } from './serve/fetchFront.js';
export type { ListenOptions } from './serve/HttpListener.js';
export type { NodeHandler } from './serve/nodeFront.js';
export type { Scope } from './access/Caller.js';
export type { KeyRequest } from './access/KeyRequest.js';
export type { IssuedKey, KeyInfo } from './access/KeyRing.js';
